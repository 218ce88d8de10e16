//! Writing `Set-Cookie` lines.

#[cfg(test)]
mod tests;

use std::fmt;

use cookie::Cookie;

use super::attributes::{Attributes, MaxAge};

/// Browsers ignore a cookie whose name and value are longer together.
const MAX_NAME_AND_VALUE: usize = 4_096;

/// The parts of a `Set-Cookie` line, formatted once.
#[derive(Clone, Debug)]
pub(super) struct SetCookie {
    name: String,
    /// Every attribute but the age, each with the `; ` before it.
    suffix: String,
    removal: String,
}

impl SetCookie {
    /// From attributes that have been checked.
    pub(super) fn new(attributes: &Attributes) -> Self {
        let name = attributes.name.clone();
        let suffix = suffix(attributes);
        // Both, for user agents that know only the older one.
        let removal = format!("{name}={suffix}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        Self {
            name,
            suffix,
            removal,
        }
    }

    pub(super) fn set(
        &self,
        value: &str,
        max_age: Option<MaxAge>,
    ) -> Result<String, SetCookieError> {
        self.check(value)?;
        let mut line =
            String::with_capacity(self.name.len() + value.len() + self.suffix.len() + 32);
        line.push_str(&self.name);
        line.push('=');
        line.push_str(value);
        line.push_str(&self.suffix);
        if let Some(age) = max_age {
            line.push_str("; Max-Age=");
            line.push_str(&age.as_secs().to_string());
        }
        Ok(line)
    }

    pub(super) fn removal(&self) -> &str {
        &self.removal
    }

    fn check(&self, value: &str) -> Result<(), SetCookieError> {
        let length = self.name.len() + value.len();
        if length > MAX_NAME_AND_VALUE {
            return Err(SetCookieError::TooLarge { length });
        }
        if !value.bytes().all(is_value_byte) {
            return Err(SetCookieError::InvalidValue);
        }
        Ok(())
    }
}

/// Why a value cannot be set. Never shows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetCookieError {
    /// Name and value together, in bytes.
    TooLarge { length: usize },
    /// A byte that RFC 6265bis does not allow in a value.
    InvalidValue,
}

impl fmt::Display for SetCookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => write!(
                f,
                "name and value of the cookie are {length} bytes, \
                 and browsers ignore more than {MAX_NAME_AND_VALUE}"
            ),
            Self::InvalidValue => {
                f.write_str("the cookie's value has bytes that no cookie may have")
            }
        }
    }
}

impl std::error::Error for SetCookieError {}

fn suffix(attributes: &Attributes) -> String {
    let mut cookie = Cookie::build(("", ""))
        .path(attributes.path.as_str())
        .same_site(attributes.same_site)
        .secure(attributes.secure())
        .partitioned(attributes.partitioned)
        .http_only(true);
    if let Some(domain) = &attributes.domain {
        cookie = cookie.domain(domain.as_str());
    }
    cookie.build().to_string().split_off("=".len())
}

/// `cookie-octet` of RFC 6265bis, section 4.1.1.
const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')
}
