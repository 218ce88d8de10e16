//! What the databases have in common: reading settings, gathering writes, waiting for leases.
//!
//! Each database has a module with the same files, so that the second is read in a minute:
//! `settings` (URL, options, builder), `dial` (how a connection is made and set up), `links` and
//! `pool` (which connections there are), `fault` (what can go wrong and what to do), `statements`
//! (all SQL of the store), `row` (rows in the words of the contract), one file for each group of
//! operations (`read`, `write`, `rename`, `lease`, `listing`, `sweep`, `meta`), `schema` (the
//! tables, behind `crate::schema`) and `store`, which puts them together.

#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) mod access;
#[cfg(feature = "postgres")]
pub(crate) mod gather;
pub(crate) mod length;
pub(crate) mod names;
pub(crate) mod options;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) mod place;
pub(crate) mod reason;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) mod secret;
pub(crate) mod turns;
pub(crate) mod waiting;
