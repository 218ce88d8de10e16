//! Asking before something is lost.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::answer::Failure;

/// Goes on if `yes` was given, or if somebody at a terminal says so.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(format!(
            "{question} Nobody is there to ask; add --yes if that is meant"
        )));
    }
    match asked(question) {
        Ok(answer) if matches!(answer.trim(), "y" | "yes") => Ok(()),
        Ok(_) => Err(Failure::new("nothing was changed, as you said")),
        Err(error) => Err(Failure::new(format!(
            "the answer cannot be read: {error}; add --yes if that is meant"
        ))),
    }
}

fn asked(question: &str) -> io::Result<String> {
    let mut prompt = io::stderr().lock();
    write!(prompt, "{question} Go on? [y/N] ")?;
    prompt.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}
