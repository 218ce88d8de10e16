//! What the databases have in common: reading settings, gathering writes, waiting for leases.

pub(crate) mod access;
#[cfg(feature = "postgres")]
pub(crate) mod gather;
pub(crate) mod length;
pub(crate) mod names;
pub(crate) mod options;
pub(crate) mod place;
pub(crate) mod reason;
pub(crate) mod secret;
pub(crate) mod turns;
