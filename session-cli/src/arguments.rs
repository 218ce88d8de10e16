//! The command line.

use clap::{Parser, Subcommand};

use crate::doctor::DoctorCommand;
use crate::fleet::FleetCommand;
use crate::inspect::InspectCommand;
use crate::key::KeyCommand;
use crate::sql::SqlCommand;
use crate::stats::StatsCommand;
use crate::sweep::SweepCommand;

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
    /// Make, remove and look at the tables of a SQL database
    #[command(subcommand)]
    Sql(SqlCommand),
    /// Look at everything that an instance needs; status 0 if all is well, 1 with a warning, 2 if
    /// something is broken
    Doctor(DoctorCommand),
    /// Show and settle which keys the instances of a farm have
    #[command(subcommand)]
    Fleet(FleetCommand),
    /// Show when the sessions of a principal began and end; never what is in them
    Inspect(InspectCommand),
    /// Show how the store answers
    Stats(StatsCommand),
    /// Remove what has expired from a store that does not do that by itself
    Sweep(SweepCommand),
}
