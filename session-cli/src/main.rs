//! `sessionctl`: machine keys, SQL tables, the fleet, and what is wrong with a farm's sessions.
//!
//! # What it prints
//!
//! The answer goes to standard output, one object with `--json` and text for people without. What
//! went wrong goes to standard error in one sentence, and with `--json` to standard output as
//! well, as `{"error": "…"}`. Secrets are printed by `key new` and `key export-env` alone, which
//! say so.
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
mod dates;
mod key;

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
    }
}
