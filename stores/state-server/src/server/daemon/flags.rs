//! The flags.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Keeps the sessions of a web farm.
#[derive(Debug, Parser)]
#[command(version)]
pub(super) struct Flags {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:42424")]
    pub(super) listen: SocketAddr,

    /// A Unix socket to listen on as well
    #[arg(long, value_name = "PATH")]
    pub(super) listen_unix: Option<PathBuf>,

    /// The address of health, metrics and the status page; without this flag a taken port is no
    /// error
    #[arg(long, value_name = "ADDR")]
    pub(super) admin: Option<SocketAddr>,

    /// A file with the tokens that clients must show one of, one on each line
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// How long connections may take to end after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(super) drain_timeout: Duration,
}
