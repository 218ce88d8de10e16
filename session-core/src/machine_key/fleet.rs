//! What the instances of a farm tell each other about their rings, in rows of the shared store.
//!
//! [`FleetRow`] says which keys the farm has, with a proof for each that can be checked only by
//! who holds that very key. [`judge`] compares it with a ring. A [`Heartbeat`] says that an
//! instance is there. All of it is pure: nothing here reads a store.

mod drift;
mod heartbeat;
mod judge;
mod row;

pub(crate) use self::drift::{Drifted, Place};
pub use self::drift::{KeyRingBehind, KeyRingDrift};
pub(crate) use self::heartbeat::Heartbeat;
pub use self::heartbeat::instance_row;
pub(crate) use self::judge::judge;
pub use self::judge::{Difference, Verdict};
pub use self::row::{FleetRow, RowError, fleet_row};
