//! The attributes of the session cookie, and what browsers demand of them.

use std::time::Duration;

use cookie::SameSite;

use crate::duration;

/// Browsers ignore a longer attribute.
const MAX_ATTRIBUTE_LENGTH: usize = 1_024;

/// Leaves room for a value: browsers ignore a cookie above 4,096 bytes.
const MAX_NAME_LENGTH: usize = 256;

/// What was asked for, whether or not browsers would take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) path: String,
    pub(super) same_site: SameSite,
    pub(super) max_age: Option<Duration>,
    pub(super) partitioned: bool,
    pub(super) insecure_allow_http: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            name: "__Host-session".to_owned(),
            domain: None,
            path: "/".to_owned(),
            same_site: SameSite::Lax,
            max_age: None,
            partitioned: false,
            insecure_allow_http: false,
        }
    }
}

/// A cookie's age in whole seconds: at least one, at most 400 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MaxAge(u32);

impl MaxAge {
    /// Browsers cut a longer age down to this.
    pub(crate) const LONGEST: Self = Self(400 * 24 * 60 * 60);

    /// The age without its fraction of a second; none if it is out of range.
    pub(crate) fn new(age: Duration) -> Option<Self> {
        let seconds = u32::try_from(age.as_secs()).ok()?;
        (1..=Self::LONGEST.0)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    pub(crate) const fn as_secs(self) -> u32 {
        self.0
    }

    pub(crate) const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// An attribute that browsers would ignore, or that would make them ignore the cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidAttribute {
    /// The attribute at fault, and then the others that have to do with it.
    pub(crate) attributes: &'static [&'static str],
    pub(crate) value: String,
    pub(crate) wrong: String,
    pub(crate) fix: String,
}

impl InvalidAttribute {
    fn new(
        attributes: &'static [&'static str],
        value: impl Into<String>,
        wrong: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            attributes,
            value: value.into(),
            wrong: wrong.into(),
            fix: fix.into(),
        }
    }
}

type Verdict = Result<(), InvalidAttribute>;

impl Attributes {
    pub(super) fn problems(&self) -> Vec<InvalidAttribute> {
        let verdicts = [
            self.check_name(),
            self.check_prefix(),
            self.check_domain(),
            self.check_path(),
            self.check_same_site(),
            self.check_partitioned(),
            self.check_max_age(),
        ];
        verdicts.into_iter().filter_map(Result::err).collect()
    }

    pub(super) const fn secure(&self) -> bool {
        !self.insecure_allow_http
    }

    fn check_name(&self) -> Verdict {
        let wrong = match self.name.as_bytes() {
            [] => "empty",
            name if name.len() > MAX_NAME_LENGTH => "longer than 256 bytes",
            name if !name.iter().copied().all(is_token_byte) => {
                "not a cookie name: only letters, digits and !#$%&'*+-.^_`|~ may stand in one"
            }
            _ => return Ok(()),
        };
        let fix = "write for example name = \"__Host-session\"";
        Err(self.name_problem(&["name"], wrong, fix))
    }

    fn check_prefix(&self) -> Verdict {
        let Some(prefix) = Prefix::of(&self.name) else {
            return Ok(());
        };
        if !self.name.starts_with(prefix.text) {
            let wrong = format!("browsers take it for the prefix {}", prefix.text);
            let fix = "write the prefix in exactly that case, or choose another name";
            return Err(self.name_problem(&["name"], wrong, fix));
        }
        if !self.secure() {
            return Err(self.prefix_without_secure(prefix));
        }
        self.check_host_prefix(prefix)
    }

    fn prefix_without_secure(&self, prefix: &Prefix) -> InvalidAttribute {
        self.name_problem(
            &["name", "insecure_allow_http"],
            format!(
                "browsers refuse the prefix {} on a cookie without Secure",
                prefix.text
            ),
            "choose another name, for example name = \"session\", \
             or remove insecure_allow_http",
        )
    }

    fn check_host_prefix(&self, prefix: &Prefix) -> Verdict {
        if let (true, Some(domain)) = (prefix.host, &self.domain) {
            return Err(InvalidAttribute::new(
                &["domain", "name"],
                quoted(domain),
                format!("name = {:?} forbids a domain", self.name),
                "remove domain, or choose a name with the prefix __Secure-",
            ));
        }
        if prefix.host && self.path != "/" {
            return Err(InvalidAttribute::new(
                &["path", "name"],
                quoted(&self.path),
                format!("name = {:?} demands path = \"/\"", self.name),
                "remove path, or choose a name with the prefix __Secure-",
            ));
        }
        Ok(())
    }

    fn name_problem(
        &self,
        attributes: &'static [&'static str],
        wrong: impl Into<String>,
        fix: &str,
    ) -> InvalidAttribute {
        InvalidAttribute::new(attributes, quoted(&self.name), wrong, fix)
    }

    fn check_domain(&self) -> Verdict {
        let Some(domain) = &self.domain else {
            return Ok(());
        };
        let wrong = match domain.as_bytes() {
            [] => "empty",
            [b'.', ..] => "browsers ignore the leading dot",
            domain if domain.len() > MAX_ATTRIBUTE_LENGTH => "longer than 1,024 bytes",
            domain if !domain.iter().copied().all(is_host_byte) => {
                "not a host name: only letters, digits, \"-\" and \".\" may stand in one"
            }
            _ => return Ok(()),
        };
        let fix = "write the bare host, for example domain = \"example.com\", or remove domain";
        Err(InvalidAttribute::new(
            &["domain"],
            quoted(domain),
            wrong,
            fix,
        ))
    }

    fn check_path(&self) -> Verdict {
        let path = &self.path;
        let wrong = if !path.starts_with('/') {
            "browsers ignore a path that does not begin with \"/\""
        } else if path.len() > MAX_ATTRIBUTE_LENGTH {
            "longer than 1,024 bytes"
        } else if !path.bytes().all(is_attribute_byte) {
            "only visible ASCII without \";\" may stand in a path"
        } else {
            return Ok(());
        };
        let fix = "write for example path = \"/\"";
        Err(InvalidAttribute::new(&["path"], quoted(path), wrong, fix))
    }

    fn check_same_site(&self) -> Verdict {
        if self.secure() || self.same_site != SameSite::None {
            return Ok(());
        }
        Err(InvalidAttribute::new(
            &["same_site", "insecure_allow_http"],
            "\"none\"",
            "browsers refuse SameSite=None on a cookie without Secure",
            "write same_site = \"lax\", or remove insecure_allow_http",
        ))
    }

    fn check_partitioned(&self) -> Verdict {
        if self.secure() || !self.partitioned {
            return Ok(());
        }
        Err(InvalidAttribute::new(
            &["partitioned", "insecure_allow_http"],
            "true",
            "browsers refuse Partitioned on a cookie without Secure",
            "remove partitioned, or remove insecure_allow_http",
        ))
    }

    fn check_max_age(&self) -> Verdict {
        let Some(age) = self.max_age else {
            return Ok(());
        };
        let (wrong, fix) = if MaxAge::new(age).is_some() {
            return Ok(());
        } else if age < Duration::from_secs(1) {
            (
                "shorter than one second, which would remove the cookie",
                "write at least \"1s\", or remove max_age for a cookie that ends with the browser",
            )
        } else {
            (
                "longer than 400 days, which is as long as browsers keep a cookie",
                "write at most \"400days\"",
            )
        };
        let value = duration::written(age);
        Err(InvalidAttribute::new(&["max_age"], value, wrong, fix))
    }
}

/// A name prefix with which browsers enforce attributes.
struct Prefix {
    text: &'static str,
    /// Whether the cookie must have `Path=/` and no `Domain`.
    host: bool,
}

impl Prefix {
    const ALL: [Self; 3] = [
        Self {
            text: "__Host-",
            host: true,
        },
        Self {
            text: "__Secure-",
            host: false,
        },
        Self {
            text: "__Http-",
            host: false,
        },
    ];

    /// Without regard to case, as browsers compare (RFC 6265bis, section 5.7).
    fn of(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|prefix| {
            name.get(..prefix.text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.text))
        })
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// `token` of RFC 9110, section 5.6.2.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.')
        || matches!(byte, b'^' | b'_' | b'`' | b'|' | b'~')
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')
}

const fn is_attribute_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && byte != b';'
}
