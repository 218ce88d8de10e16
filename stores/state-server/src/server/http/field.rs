//! The headers that mean something.

use crate::wire::header;

macro_rules! fields {
    ($($name:ident $text:expr;)*) => {
        /// A header that means something to the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field {
            $($name,)*
        }

        const NAMES: &[(&str, Field)] = &[$(($text, Field::$name),)* ALIAS];

        const COUNT: usize = [$(Field::$name,)*].len();
    };
}

const ALIAS: (&str, Field) = (header::LOCK_COOKIE_ALIAS, Field::LockCookie);

fields! {
    Authorization header::AUTHORIZATION;
    Connection header::CONNECTION;
    ContentLength header::CONTENT_LENGTH;
    TransferEncoding header::TRANSFER_ENCODING;
    Exclusive header::EXCLUSIVE;
    LockCookie header::LOCK_COOKIE;
    Timeout header::TIMEOUT;
    ExtraFlags header::EXTRA_FLAGS;
    Protocol header::SESSION_PROTOCOL;
    IfMatch header::IF_MATCH;
    IfNoneMatch header::IF_NONE_MATCH;
    Revision header::SESSION_REVISION;
    Ttl header::SESSION_TTL;
    Deadline header::SESSION_DEADLINE;
    Touch header::SESSION_TOUCH;
    Destination header::DESTINATION;
    Ended header::SESSION_ENDED;
    Lease header::SESSION_LEASE;
    Wait header::SESSION_WAIT;
    Hold header::SESSION_HOLD;
    Principal header::SESSION_PRINCIPAL;
    Labels header::SESSION_LABELS;
    After header::SESSION_AFTER;
    Except header::SESSION_EXCEPT;
}

/// Names are grouped by their length, which tells most of them apart: where in [`BY_LENGTH`]
/// those of a length begin.
const MAX_NAME: usize = 24;

const STARTS: [u8; MAX_NAME + 2] = {
    let mut starts = [0; MAX_NAME + 2];
    let mut length = 0;
    let mut count = 0;
    while length <= MAX_NAME {
        starts[length] = count;
        let mut at = 0;
        while at < NAMES.len() {
            if NAMES[at].0.len() == length {
                count += 1;
            }
            at += 1;
        }
        length += 1;
    }
    starts[length] = count;
    starts
};

static BY_LENGTH: [(&str, Field); NAMES.len()] = {
    let mut sorted = [NAMES[0]; NAMES.len()];
    let mut length = 0;
    let mut count = 0;
    while length <= MAX_NAME {
        let mut at = 0;
        while at < NAMES.len() {
            if NAMES[at].0.len() == length {
                sorted[count] = NAMES[at];
                count += 1;
            }
            at += 1;
        }
        length += 1;
    }
    sorted
};

impl Field {
    /// The field with this name, in whatever case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let (start, end) = (STARTS.get(name.len())?, STARTS.get(name.len() + 1)?);
        BY_LENGTH[usize::from(*start)..usize::from(*end)]
            .iter()
            .find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, field)| *field)
    }
}

/// The values of the headers that mean something.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    values: [Option<&'a [u8]>; COUNT],
    contradictory: u32,
}

impl<'a> Fields<'a> {
    pub(crate) fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.values[field as usize]
    }

    /// Whether a header came twice with different values.
    pub(crate) fn is_contradictory(&self, field: Field) -> bool {
        self.contradictory & (1 << field as u32) != 0
    }

    /// Whether any header came twice with different values.
    pub(crate) fn has_contradiction(&self) -> bool {
        self.contradictory != 0
    }

    pub(super) fn add(&mut self, field: Field, value: &'a [u8]) {
        let before = self.values[field as usize].replace(value);
        if before.is_some_and(|before| before != value) {
            self.contradictory |= 1 << field as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_in_any_case() {
        for (text, field) in NAMES {
            for name in [(*text).to_owned(), text.to_lowercase(), text.to_uppercase()] {
                assert_eq!(Field::named(name.as_bytes()), Some(*field), "{name}");
            }
        }
        for name in [
            "",
            "Host",
            "LockDate",
            "x-session-protocol-with-a-long-name",
        ] {
            assert_eq!(Field::named(name.as_bytes()), None, "{name}");
        }
    }
}
