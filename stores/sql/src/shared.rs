//! What the databases have in common: reading settings, gathering writes, waiting for leases.

#[cfg(feature = "postgres")]
pub(crate) mod gather;
pub(crate) mod length;
pub(crate) mod names;
pub(crate) mod options;
#[cfg(feature = "postgres")]
pub(crate) mod place;
pub(crate) mod reason;
#[cfg(feature = "postgres")]
pub(crate) mod secret;
pub(crate) mod turns;
