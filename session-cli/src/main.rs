//! `sessionctl`: machine keys, SQL tables, the fleet, and what is wrong with a farm's sessions.
//!
//! # What it prints
//!
//! The answer goes to standard output, one object with `--json` and text for people without. What
//! went wrong goes to standard error in one sentence, and with `--json` to standard output as
//! well, as `{"error": "…"}`. Secrets are printed by `key new` and `key export-env` alone, which
//! say so.
//!
//! `docs/sessionctl.md` says which members each object has.
//!
//! # Exit status
//!
//! | status | |
//! |---|---|
//! | 0 | done; of `doctor`: all is well |
//! | 1 | it failed, and nothing was changed unless the message says so; of `doctor`: a warning |
//! | 2 | the command line is wrong; of `doctor`: something is broken |
//! | 3 | the question was answered, and the answer is not good: tables that are missing or of another version (`sql status`), a ring that is not the fleet's (`fleet show`) |

mod answer;
mod arguments;
mod confirm;
mod dates;
mod doctor;
mod fleet;
mod inspect;
mod key;
mod place;
mod sql;
mod stats;
mod stores;
mod sweep;

use std::process::ExitCode;

use clap::Parser as _;

use self::answer::{Answer, Failure};
use self::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    answer::print(run(arguments.command), arguments.json)
}

fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Key(command) => key::run(&command),
        Command::Sql(command) => wait(sql::run(&command)),
        Command::Doctor(command) => wait(async { Ok(doctor::run(&command).await) }),
        Command::Fleet(command) => wait(fleet::run(&command)),
        Command::Inspect(command) => wait(inspect::run(&command)),
        Command::Stats(command) => wait(stats::run(&command)),
        Command::Sweep(command) => wait(sweep::run(&command)),
    }
}

fn wait(work: impl Future<Output = Result<Answer, Failure>>) -> Result<Answer, Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(|error| {
        Failure::new(format!(
            "the operating system gives no event queue: {error}; raise this user's limits"
        ))
    })?;
    runtime.block_on(work)
}
