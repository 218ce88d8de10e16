//! The machine key: where the ring of keys comes from, and what is signed and sealed with it.
//!
//! A [`KeyRing`] is the live handle on a source (a ring file, the environment, inline tokens, an
//! ASP.NET pair); [`KeyRing::snapshot`] gives the immutable [`Ring`] of the moment, from which
//! token keys, sealers and fingerprints are derived per application and purpose. Nothing here
//! knows stores or sessions.

mod aspnet;
mod change;
mod create;
mod dates;
mod envelope;
mod error;
mod file;
mod fingerprint;
mod fleet;
mod hex;
mod key;
mod key_ring;
#[cfg(unix)]
mod location;
#[cfg_attr(not(unix), path = "machine_key/portable.rs")]
mod open;
mod options;
mod protector;
mod replace;
mod revocation;
mod ring;
mod rotation;
mod samples;
mod schedule;
mod source;
mod strength;
mod token;
#[cfg(unix)]
mod trust;

pub(crate) use self::envelope::{SealError, Sealer};
pub use self::error::{KeyRingError, KeyRingErrorKind};
pub(crate) use self::fingerprint::FingerprintKeys;
pub use self::fingerprint::{Fingerprint, ParseFingerprintError};
pub use self::fleet::{
    Difference, FleetRow, KeyRingBehind, KeyRingDrift, RowError, Verdict, fleet_row, instance_row,
};
pub(crate) use self::fleet::{Drifted, Heartbeat, Place, judge};
pub use self::key::{KeyText, Kid, MachineKey};
pub use self::key_ring::KeyRing;
pub use self::options::KeyRingOptions;
pub use self::protector::{Protector, ProtectorError, ProtectorErrorKind};
pub use self::ring::Ring;
pub use self::rotation::Rotation;
pub use self::schedule::{KeyState, KeyStatus};
pub(crate) use self::token::{Carrier, Rejected, Token, TokenKeys, VerifiedId};

#[cfg(test)]
mod vectors;
