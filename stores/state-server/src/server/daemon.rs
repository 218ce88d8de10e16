//! The program `session-state-server`.

mod flags;
mod policy;
mod run;
mod socket_file;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::flags::Flags;

/// The program `session-state-server` with `arguments` for its command line, of which the first
/// is the program's name: for programs that start themselves again as a state server. It runs
/// until it is asked to stop.
#[must_use]
pub fn daemon<I>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    match run::run(Flags::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told of a failure to tell.
            let _ = writeln!(std::io::stderr(), "session-state-server: {error}");
            ExitCode::FAILURE
        }
    }
}
