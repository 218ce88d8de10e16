//! The state server that the black-box tests run instances of the application against.

use std::process::ExitCode;

fn main() -> ExitCode {
    session_store_state_server::server::daemon(std::env::args_os())
}
