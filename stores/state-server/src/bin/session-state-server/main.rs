//! The daemon `session-state-server`; `--help` lists its flags.

mod flags;
mod heap;
mod policy;
mod run;
mod socket_file;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::flags::Flags;

fn main() -> ExitCode {
    let flags = Flags::parse();
    heap::unite();
    match run::run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told of a failure to tell.
            let _ = writeln!(std::io::stderr(), "session-state-server: {error}");
            ExitCode::FAILURE
        }
    }
}
