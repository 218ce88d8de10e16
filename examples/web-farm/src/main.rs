//! A web farm on one machine: a state server, several instances of a small shop, and a proxy
//! that hands requests round. Start it with `cargo run -p web-farm`.
//!
//! Every process is this same program. Without a subcommand it is the supervisor, which starts
//! the others and holds the proxy (`supervisor`); `instance` is one instance of the shop, which
//! is where the sessions are (`instance`); `state-server` keeps them (`state_server`).

mod instance;
mod page;
mod process;
mod state_server;
mod store;
mod supervisor;
mod upstream;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::instance::InstanceOptions;
use self::state_server::StateServerOptions;
use self::supervisor::FarmOptions;

/// A web farm on one machine, to look at and to break.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    farm: FarmOptions,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this process is, if it is not the supervisor.
#[derive(Debug, Subcommand)]
enum Role {
    /// One instance of the shop
    #[command(hide = true)]
    Instance(InstanceOptions),
    /// The state server
    #[command(hide = true)]
    StateServer(StateServerOptions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let ended = match arguments.role {
        None => supervisor::run(arguments.farm).await,
        Some(Role::Instance(options)) => instance::run(options).await,
        Some(Role::StateServer(options)) => state_server::run(options).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "web-farm: {}", described(&*error));
            ExitCode::FAILURE
        }
    }
}

/// `RUST_LOG=info` shows more; session ids, keys and values never appear.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}

/// An error with what lies behind it, as far as it does not say so itself, on one line.
fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}
