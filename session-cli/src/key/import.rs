//! A key token from standard input, where no other user of the machine sees it.

use std::io::{self, Read as _};

use session_core::MachineKey;
use zeroize::Zeroizing;

use crate::answer::Failure;

/// More than any token, with room for spaces around it.
const LONGEST: u64 = 1024;

/// The key whose token stands on standard input, with nothing else.
pub(super) fn from_input() -> Result<MachineKey, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(2048));
    let read = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| {
        Failure::new(format!(
            "the key token cannot be read from standard input: {error}; write it there as text"
        ))
    })?;
    match text.trim() {
        "" => Err(Failure::new(
            "there is no key token on standard input; write it there, as in \
             `sessionctl key add FILE < token`",
        )),
        token => Ok(MachineKey::parse(token)?),
    }
}
