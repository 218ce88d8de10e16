//! `sessionctl sql`: the tables of a SQL database.

use clap::{Args, Subcommand, ValueEnum};
use session_core::StoreConfig;

use crate::answer::{Answer, Failure};
use crate::place::Place;

#[cfg_attr(not(feature = "sql"), path = "sql/without.rs")]
mod tables;

#[cfg(feature = "sql")]
pub(crate) use self::tables::told;

#[derive(Debug, Subcommand)]
pub(crate) enum SqlCommand {
    /// Make the tables, or bring older ones up to date
    Install {
        #[command(flatten)]
        tables: Tables,
        #[command(flatten)]
        made: Made,
        /// Print the SQL that makes the tables, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove the tables and every session in them
    Remove {
        #[command(flatten)]
        tables: Tables,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Say what would be removed, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show which version of the tables is there; status 3 if it is not the right one
    Status(Tables),
    /// Print the SQL that makes the tables
    Print {
        #[command(flatten)]
        tables: Tables,
        #[command(flatten)]
        made: Made,
    },
}

/// Which tables, of which database.
#[derive(Debug, Args)]
pub(crate) struct Tables {
    #[command(flatten)]
    place: Place,
    /// The schema that they are in
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// The table of sessions, after which the others are named
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

/// How tables are made.
#[derive(Debug, Args)]
pub(crate) struct Made {
    /// What becomes of the sessions when the database server crashes
    #[arg(long, value_enum, default_value_t)]
    persistence: Crashing,
}

/// What becomes of the sessions when the database server crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Crashing {
    /// They stay
    #[default]
    Permanent,
    /// They are all lost together; writes cost less
    Temporary,
}

impl Tables {
    /// The store, with what the command line says of its tables.
    fn store(&self) -> Result<StoreConfig, Failure> {
        let store = self.place.store()?;
        let mut options = store.options().clone();
        for (name, value) in [("schema", &self.schema), ("table", &self.table)] {
            if let Some(value) = value {
                options.insert(name.to_owned(), toml::Value::String(value.clone()));
            }
        }
        Ok(store.with_options(options))
    }
}

/// Carries out a command on tables.
pub(crate) async fn run(command: &SqlCommand) -> Result<Answer, Failure> {
    match command {
        SqlCommand::Install {
            tables,
            made,
            dry_run: true,
        }
        | SqlCommand::Print { tables, made } => tables::print(&tables.store()?, made.persistence),
        SqlCommand::Install { tables, made, .. } => {
            tables::install(&tables.store()?, made.persistence).await
        }
        SqlCommand::Remove {
            tables,
            yes,
            dry_run,
        } => tables::remove(&tables.store()?, *yes, *dry_run).await,
        SqlCommand::Status(tables) => tables::status(&tables.store()?).await,
    }
}
