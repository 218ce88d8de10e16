//! The tokens that clients must show.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

/// The tokens of which a client must show one; none if it need not.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Box<[u8]>>);

impl Tokens {
    /// Tokens from the text of a file: one on each line, blank lines and lines that begin with
    /// `#` left out. With two of them, clients can change from one to the other.
    #[must_use]
    pub fn from_lines(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let tokens = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(tokens.map(|token| token.as_bytes().into()).collect())
    }

    /// Whether clients need not show one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the value of an `Authorization` header shows one of the tokens.
    pub(crate) fn admit(&self, authorization: Option<&[u8]>) -> bool {
        if self.is_empty() {
            return true;
        }
        let Some((scheme, token)) = authorization.and_then(|value| value.split_at_checked(7))
        else {
            return false;
        };
        let known = self.0.iter().map(|known| known.ct_eq(token));
        let is_known = known.fold(Choice::from(0), |all, one| all | one);
        scheme.eq_ignore_ascii_case(b"bearer ") && is_known.into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("count", &self.0.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_tokens_admits() {
        let tokens = Tokens::from_lines("# old\n first \n\nsecond\n");
        for shown in ["Bearer first", "bearer second"] {
            assert!(tokens.admit(Some(shown.as_bytes())), "{shown}");
        }
        for shown in [
            "",
            "first",
            "Basic first",
            "Bearer firs",
            "Bearer first2",
            "Bearer ",
        ] {
            assert!(!tokens.admit(Some(shown.as_bytes())), "{shown}");
        }
        assert!(!tokens.admit(None));
        assert!(Tokens::default().admit(None));
    }

    #[test]
    fn tokens_are_not_shown() {
        let shown = format!("{:?}", Tokens::from_lines("secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
