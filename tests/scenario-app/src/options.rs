//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The application that the black-box tests drive.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// The configuration file: `[session]`, `[store]` and `[machine_key]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where to listen; with port 0 the bound address is printed.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// The web framework that serves the routes.
    #[arg(long, value_enum)]
    pub(crate) framework: Framework,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Framework {
    Axum,
}
