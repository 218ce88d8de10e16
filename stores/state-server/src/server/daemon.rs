//! The program `session-state-server`.

mod flags;
mod heap;
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
///
/// The process may be started anew, with the same command line, to have one heap; call this
/// before anything else.
#[must_use]
pub fn daemon<I>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let flags = Flags::parse_from(arguments);
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
