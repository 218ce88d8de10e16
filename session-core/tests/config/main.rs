//! Configuration by builder, file and environment.

mod errors;
mod file;
mod names;
