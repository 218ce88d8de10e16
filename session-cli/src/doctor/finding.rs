//! [`Finding`]: one thing that was looked at, and how it is.

use std::io::{self, IsTerminal as _};

use serde_json::{Value, json};

use crate::answer::Answer;

/// How a thing is, from well to broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    Warning,
    Broken,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }

    /// The exit status that monitoring takes for it.
    fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Broken => 2,
        }
    }

    /// The colour of a terminal: green, yellow or red.
    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Broken => "\x1b[31m",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Finding {
    check: &'static str,
    level: Level,
    told: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, told: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, told.into())
    }

    pub(super) fn warning(check: &'static str, told: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, told.into())
    }

    pub(super) fn broken(check: &'static str, told: impl Into<String>) -> Self {
        Self::new(check, Level::Broken, told.into())
    }

    pub(super) fn new(check: &'static str, level: Level, told: String) -> Self {
        Self { check, level, told }
    }

    #[cfg(test)]
    pub(super) fn level(&self) -> Level {
        self.level
    }

    fn line(&self, coloured: bool) -> String {
        let (start, end) = match coloured {
            true => (self.level.colour(), "\x1b[0m"),
            false => ("", ""),
        };
        let Self { check, level, told } = self;
        format!("{start}{:<7}{end}  {check:<13}  {told}\n", level.name())
    }

    fn object(&self) -> Value {
        json!({ "check": self.check, "level": self.level.name(), "message": self.told })
    }
}

/// A line for each finding; the worst of them is the exit status.
pub(super) fn answer(findings: &[Finding]) -> Answer {
    let coloured = wants_colour();
    let lines: String = findings
        .iter()
        .map(|finding| finding.line(coloured))
        .collect();
    let worst = findings.iter().map(|finding| finding.level).max();
    let worst = worst.unwrap_or(Level::Ok);
    let objects: Vec<_> = findings.iter().map(Finding::object).collect();
    let json = json!({ "status": worst.name(), "findings": objects });
    Answer::new(lines, json).status(worst.status())
}

/// On a terminal, unless `NO_COLOR` says otherwise (<https://no-color.org>).
fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::{Finding, Level};

    #[test]
    fn levels_are_coloured_on_a_terminal_alone() {
        let finding = Finding::broken("store", "gone");
        assert_eq!(finding.line(false), "broken   store          gone\n");
        assert!(finding.line(true).starts_with("\x1b[31mbroken \x1b[0m"));
        assert!(Level::Ok < Level::Warning && Level::Warning < Level::Broken);
    }
}
