//! The configuration file of a case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Settings by their full names, as lines of TOML.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// A setting whose value is text.
    #[must_use]
    pub(crate) fn set(self, name: &str, value: impl AsRef<str>) -> Self {
        self.literal(name, &format!("{:?}", value.as_ref()))
    }

    /// A setting as it is written in TOML.
    #[must_use]
    pub(crate) fn literal(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    pub(crate) fn to_toml(&self) -> String {
        self.0
            .iter()
            .fold(String::new(), |mut text, (name, value)| {
                writeln!(text, "{name} = {value}").unwrap();
                text
            })
    }
}
