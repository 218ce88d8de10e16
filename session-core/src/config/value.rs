//! Reading one value, from a file with its type or from the environment as text.

use std::path::PathBuf;
use std::time::Duration;

use cookie::SameSite;
use toml::Value;
use zeroize::Zeroizing;

use super::error::Fault;
use crate::duration;
use crate::transport::Transport;

/// A value as it stands in its source.
#[derive(Clone)]
pub(super) enum RawValue {
    Typed(Value),
    /// From the environment, where everything is text.
    Text(String),
}

impl RawValue {
    /// The value for an error message. Long ones are cut.
    pub(super) fn shown(&self) -> String {
        const LONGEST: usize = 100;
        let shown = match self {
            Self::Typed(Value::String(text)) | Self::Text(text) => format!("{text:?}"),
            Self::Typed(value) => value.to_string().trim().to_owned(),
        };
        if shown.chars().count() <= LONGEST {
            return shown;
        }
        let start: String = shown.chars().take(LONGEST).collect();
        format!("{start}…")
    }

    pub(super) fn text(self) -> Result<String, Fault> {
        match self {
            Self::Typed(Value::String(text)) | Self::Text(text) => Ok(text),
            Self::Typed(value) => Err(wrong_type(&value, "text", "put it in quotes")),
        }
    }

    pub(super) fn path(self) -> Result<PathBuf, Fault> {
        self.text().map(PathBuf::from)
    }

    pub(super) fn flag(self) -> Result<bool, Fault> {
        const FIX: &str = "write true or false";
        match self {
            Self::Typed(Value::Boolean(flag)) => Ok(flag),
            Self::Typed(value) => Err(wrong_type(&value, "true or false", FIX)),
            Self::Text(text) => text
                .parse()
                .map_err(|_| Fault::new("neither true nor false", FIX)),
        }
    }

    pub(super) fn duration(self) -> Result<Duration, Fault> {
        const FIX: &str = "write a number and a unit, for example \"20m\", \"30s\" or \"250ms\"";
        let text = match self {
            Self::Typed(Value::String(text)) | Self::Text(text) => text,
            Self::Typed(value) => return Err(wrong_type(&value, "a duration", FIX)),
        };
        duration::parse(&text).ok_or_else(|| Fault::new("not a duration", FIX))
    }

    /// A number of bytes.
    pub(super) fn size(self) -> Result<usize, Fault> {
        const FIX: &str = "write a number of bytes, or for example \"256KiB\" or \"1MiB\"";
        match self {
            Self::Typed(Value::Integer(bytes)) => usize::try_from(bytes).ok(),
            Self::Typed(Value::String(text)) | Self::Text(text) => parse_size(&text),
            Self::Typed(value) => return Err(wrong_type(&value, "a size", FIX)),
        }
        .ok_or_else(|| Fault::new("not a size", FIX))
    }

    pub(super) fn same_site(self) -> Result<SameSite, Fault> {
        match self.text()?.as_str() {
            "strict" => Ok(SameSite::Strict),
            "lax" => Ok(SameSite::Lax),
            "none" => Ok(SameSite::None),
            _ => Err(Fault::new(
                "not a value of SameSite",
                "write \"strict\", \"lax\" or \"none\"",
            )),
        }
    }

    pub(super) fn transport(self) -> Result<Transport, Fault> {
        let text = self.text()?;
        let mut choices = Transport::ALL.into_iter();
        choices
            .find(|choice| choice.as_str() == text)
            .ok_or_else(|| {
                Fault::new(
                    "not a transport",
                    "write \"cookie\", \"header\" or \"both\"",
                )
            })
    }

    /// A list of secrets; in the environment separated by commas.
    pub(super) fn secrets(self) -> Result<Vec<Zeroizing<String>>, Fault> {
        const FIX: &str = "write [\"sk1_…\"]: the first seals, the others only open";
        match self {
            Self::Typed(Value::Array(values)) => values.into_iter().map(secret).collect(),
            Self::Typed(value) => Err(wrong_type(&value, "a list of text", FIX)),
            Self::Text(text) => {
                let text = Zeroizing::new(text);
                let tokens = text.split(',').map(str::trim);
                Ok(tokens.map(|token| token.to_owned().into()).collect())
            }
        }
    }
}

fn secret(value: Value) -> Result<Zeroizing<String>, Fault> {
    RawValue::Typed(value).text().map(Zeroizing::new)
}

fn wrong_type(value: &Value, expected: &str, fix: &str) -> Fault {
    let found = match value {
        Value::String(_) => "text",
        Value::Integer(_) | Value::Float(_) => "a bare number",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    Fault::new(format!("{found} where {expected} belongs"), fix)
}

fn parse_size(text: &str) -> Option<usize> {
    const UNITS: [(&str, usize); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)];
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    number.trim_end().parse::<usize>().ok()?.checked_mul(factor)
}
