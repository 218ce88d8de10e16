//! The daemon `session-state-server`; `--help` lists its flags.

use std::process::ExitCode;

fn main() -> ExitCode {
    session_store_state_server::server::daemon(std::env::args_os())
}
