//! What a command answers, and how that is printed.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};
use session_core::{ConfigError, KeyRingError, StoreError};
use zeroize::Zeroizing;

/// The question was answered, and the answer is not good.
pub(crate) const UNWELL: u8 = 3;

/// What a command found or did.
pub(crate) struct Answer {
    /// For people: lines.
    text: Zeroizing<String>,
    /// For programs: an object.
    json: Value,
    /// Something that must not be missed, for standard error.
    note: Option<&'static str>,
    status: u8,
}

impl Answer {
    /// An answer to a command that did what it was told.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: Zeroizing::new(text.into()),
            json,
            note: None,
            status: 0,
        }
    }

    pub(crate) fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    pub(crate) fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }
}

/// Why a command failed: one sentence that says what is wrong and how to mend it.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<KeyRingError> for Failure {
    fn from(error: KeyRingError) -> Self {
        Self(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// Prints the outcome of a command and gives its exit status. Somebody who stops to read is not
/// a failure of the command.
pub(crate) fn print(outcome: Result<Answer, Failure>, as_json: bool) -> ExitCode {
    match outcome {
        Ok(answer) => {
            if let Some(note) = answer.note {
                say(note);
            }
            let printed = match as_json {
                true => print_json(&answer.json),
                false => print_text(&answer.text),
            };
            written(printed, answer.status)
        }
        Err(failure) => {
            say(&failure.0);
            let printed = match as_json {
                true => print_json(&json!({ "error": failure.0 })),
                false => Ok(()),
            };
            written(printed, 1)
        }
    }
}

fn written(printed: io::Result<()>, status: u8) -> ExitCode {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("the answer cannot be written: {error}"));
            ExitCode::from(status.max(1))
        }
        _ => ExitCode::from(status),
    }
}

fn print_json(value: &Value) -> io::Result<()> {
    let text = Zeroizing::new(format!("{value:#}\n"));
    print_text(&text)
}

fn print_text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Says something on standard error, if anybody listens.
pub(crate) fn say(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "sessionctl: {sentence}");
}
