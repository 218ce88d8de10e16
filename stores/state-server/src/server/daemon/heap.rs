//! One heap for all threads.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Where the C library looks how many heaps it may have.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Says that the program was started anew. Of a program with more rights than its user the C
/// library takes the other variable away, and it would start anew for ever.
const UNITED: &str = "SESSION_STATE_SERVER_UNITED";

/// Starts the program anew with one heap, unless somebody has said how many there should be.
///
/// The C library gives each thread a heap of its own, and what is freed in one is no use to the
/// others. As sessions come and go on all threads, each heap grows as if it were alone: measured
/// at a cap of 64 MiB, the process had 100 MB and grew on; with one heap it has 68 MB and stays
/// there. The C library reads the setting before the program begins, and only from its
/// environment.
pub(crate) fn unite() {
    let is_said = [ARENAS, UNITED]
        .map(env::var_os)
        .iter()
        .any(Option::is_some);
    if !cfg!(target_env = "gnu") || is_said {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It returns only if it fails; then we go on with several heaps.
    let command = command.args(arguments).env(ARENAS, "1").env(UNITED, "1");
    let _ = command.exec();
}
