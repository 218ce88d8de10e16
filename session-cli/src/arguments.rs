//! The command line.

use clap::{Parser, Subcommand};

use crate::key::KeyCommand;

/// Keys, SQL tables, the fleet and the health of a farm's sessions.
#[derive(Debug, Parser)]
#[command(name = "sessionctl", version)]
pub(crate) struct Arguments {
    /// Answer with one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, change and look at machine keys
    #[command(subcommand)]
    Key(KeyCommand),
}
