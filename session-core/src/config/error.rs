//! [`ConfigError`]: what is wrong with a configuration, where it stands, and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A configuration that cannot be used.
///
/// The text has one line for each setting at fault, with the place it came from, its name, its
/// value, what is wrong with it and what to write instead. Secrets are left out.
pub struct ConfigError(Box<Inner>);

struct Inner {
    problems: Vec<Problem>,
    source: Option<io::Error>,
}

impl ConfigError {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.0.origin.cmp(&b.0.origin));
        Self(Box::new(Inner {
            problems,
            source: None,
        }))
    }

    pub(super) fn unreadable(file: &str, source: io::Error) -> Self {
        let wrong = format!("cannot be read: {source}");
        let fix = "give the path of a file that this process may read";
        let problem = Problem::new("", wrong, fix).at(Origin::File(file.into()));
        Self(Box::new(Inner {
            problems: vec![problem],
            source: Some(source),
        }))
    }

    /// The names of the settings at fault, such as `session.idle_timeout`, in the order of the
    /// text. Empty where the fault is the file itself.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        let keys = self.0.problems.iter().map(|problem| problem.0.key.as_str());
        keys.filter(|key| !key.is_empty())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// As `Display`, because this is what a `main` that returns the error prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// Where a setting came from. Settings of a builder have no origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    File(Arc<str>),
    Line(Arc<str>, usize),
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{file}"),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// What is wrong with a value, and what to write instead.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) wrong: String,
    pub(super) fix: String,
}

impl Fault {
    pub(super) fn new(wrong: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            wrong: wrong.into(),
            fix: fix.into(),
        }
    }
}

/// One setting at fault.
#[derive(Debug)]
pub(super) struct Problem(Box<Detail>);

#[derive(Debug)]
struct Detail {
    origin: Option<Origin>,
    key: String,
    /// Other settings that have to do with it, by one of which it may have come about.
    related: Vec<String>,
    value: Option<String>,
    fault: Fault,
}

impl Problem {
    pub(super) fn new(
        key: impl Into<String>,
        wrong: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::from_fault(key, Fault::new(wrong, fix))
    }

    pub(super) fn from_fault(key: impl Into<String>, fault: Fault) -> Self {
        Self(Box::new(Detail {
            origin: None,
            key: key.into(),
            related: Vec::new(),
            value: None,
            fault,
        }))
    }

    pub(super) fn value(mut self, value: impl Into<Option<String>>) -> Self {
        self.0.value = value.into();
        self
    }

    pub(super) fn related(mut self, key: impl Into<String>) -> Self {
        self.0.related.push(key.into());
        self
    }

    pub(super) fn at(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.0.origin = origin.into();
        self
    }

    /// Fills in where the setting, or one that has to do with it, came from.
    pub(super) fn locate(mut self, origins: &Origins) -> Self {
        let found = self.concerned().find_map(|key| origins.find(key));
        self.0.origin = found.or_else(|| origins.whole.clone());
        self
    }

    /// Whether this is about a setting that is known to be at fault already.
    pub(super) fn follows_from(&self, others: &[Self]) -> bool {
        let at_fault = |key: &str| others.iter().any(|other| other.0.key == key);
        self.concerned().any(at_fault)
    }

    /// The setting, and those that have to do with it.
    fn concerned(&self) -> impl Iterator<Item = &str> {
        let related = self.0.related.iter().map(String::as_str);
        std::iter::once(self.0.key.as_str()).chain(related)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detail {
            origin,
            key,
            value,
            fault,
            ..
        } = &*self.0;
        if let Some(origin) = origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(key)?;
        if let Some(value) = value {
            write!(f, " = {value}")?;
        }
        if !key.is_empty() {
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", fault.wrong, fault.fix)
    }
}

/// Where each setting of a configuration came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// The origin of what is missing.
    pub(super) whole: Option<Origin>,
    pub(super) settings: BTreeMap<String, Origin>,
}

impl Origins {
    /// The origin of a setting, or of the first one in the table of that name.
    fn find(&self, key: &str) -> Option<Origin> {
        let inside = |name: &str| {
            name.strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut matching = self.settings.iter().filter(|(name, _)| inside(name));
        matching.next().map(|(_, origin)| origin.clone())
    }
}
