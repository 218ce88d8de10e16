//! Compiles the examples of the README files.

/// The project's.
#[doc = include_str!("../../../README.md")]
#[cfg(doctest)]
pub struct Project;
