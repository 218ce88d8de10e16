//! What a request means.

use session_core::EndReason;

use super::field::Field;
use super::head::{Head, Verb};
use crate::wire::{
    DEFAULT_TIMEOUT_MINUTES, MAX_TIMEOUT_MINUTES, PROTOCOL, Target, parse_decimal, parse_etag,
    parse_hex,
};

/// What a GET wants of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exclusive {
    Acquire,
    Release,
}

/// On what a write is based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// On nothing.
    None,
    /// The item is at this revision.
    Revision(u64),
    /// There is no such item.
    New,
}

/// A request whose values have been read. Those of the extensions are absent if it does not
/// speak them.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) verb: Verb,
    pub(crate) target: Target,
    /// Whether it speaks the extended protocol.
    pub(crate) extended: bool,
    pub(crate) exclusive: Option<Exclusive>,
    pub(crate) cookie: Option<i32>,
    /// The idle length in milliseconds.
    pub(crate) idle: u64,
    /// Milliseconds until the absolute deadline.
    pub(crate) deadline: Option<u64>,
    pub(crate) is_uninitialised: bool,
    pub(crate) condition: Condition,
    /// The revision of a session that is new here.
    pub(crate) first_revision: u64,
    pub(crate) touch: bool,
    pub(crate) lease: Option<u64>,
    pub(crate) wait: u64,
    pub(crate) hold: bool,
    pub(crate) destination: Option<Target>,
    pub(crate) ended: EndReason,
    pub(crate) principal: Option<[u8; 32]>,
    pub(crate) labels: &'a [u8],
    pub(crate) after: Option<[u8; 32]>,
    pub(crate) except: Option<[u8; 32]>,
}

/// Why a request is refused with 400.
pub(crate) type Fault = &'static str;

impl<'a> Request<'a> {
    pub(crate) fn read(head: &Head<'a>) -> Result<Self, Fault> {
        if head.fields.has_contradiction() {
            return Err("a header came twice with different values");
        }
        let target = Target::parse(head.target).ok_or("no such target")?;
        let reader = Reader(head);
        let mut request = reader.plain(target)?;
        if reader.is_extended() {
            reader.extensions(&mut request)?;
        }
        Ok(request)
    }
}

impl Request<'_> {
    /// What a parked request needs when it goes on.
    pub(crate) fn take_parked(&mut self) -> Request<'static> {
        Request {
            target: std::mem::replace(&mut self.target, Target::Ping),
            destination: None,
            labels: &[],
            ..*self
        }
    }
}

impl Head<'_> {
    /// Whether the request speaks the extended protocol.
    pub(crate) fn is_extended(&self) -> bool {
        self.fields.get(Field::Protocol) == Some(PROTOCOL.as_bytes())
    }
}

struct Reader<'h, 'a>(&'h Head<'a>);

impl<'a> Reader<'_, 'a> {
    fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.0.fields.get(field)
    }

    fn is_extended(&self) -> bool {
        self.0.is_extended()
    }

    fn plain(&self, target: Target) -> Result<Request<'a>, Fault> {
        let is_put = self.0.verb == Verb::Put;
        Ok(Request {
            verb: self.0.verb,
            target,
            extended: self.is_extended(),
            exclusive: self.exclusive()?,
            cookie: self.cookie()?,
            idle: if is_put {
                self.timeout()?
            } else {
                minutes(DEFAULT_TIMEOUT_MINUTES)
            },
            deadline: None,
            is_uninitialised: is_put && self.flags()? & 1 != 0,
            condition: Condition::None,
            first_revision: 1,
            touch: true,
            lease: None,
            wait: 0,
            hold: false,
            destination: None,
            ended: EndReason::Destroyed,
            principal: None,
            labels: &[],
            after: None,
            except: None,
        })
    }

    fn extensions(&self, request: &mut Request<'a>) -> Result<(), Fault> {
        request.condition = self.condition()?;
        request.touch = self.word(Field::Touch, b"no", "an unreadable Session-Touch")?;
        request.touch = !request.touch;
        match request.verb {
            Verb::Get => {
                request.lease = self.positive(Field::Lease, "an unreadable Session-Lease")?;
                let wait = self.number(Field::Wait, "an unreadable Session-Wait")?;
                request.wait = wait.unwrap_or(0);
                request.after = self.key(Field::After, "an unreadable Session-After")?;
            }
            Verb::Head => {
                request.lease = self.positive(Field::Lease, "an unreadable Session-Lease")?;
            }
            Verb::Delete => {
                request.ended = self.ended()?;
                request.except = self.key(Field::Except, "an unreadable Session-Except")?;
            }
            Verb::Put | Verb::Move => self.content(request)?,
            Verb::Other => {}
        }
        Ok(())
    }

    /// What a PUT or a MOVE brings.
    fn content(&self, request: &mut Request<'a>) -> Result<(), Fault> {
        if let Some(idle) = self.positive(Field::Ttl, "an unreadable Session-Ttl")? {
            request.idle = idle;
        }
        request.deadline = self.number(Field::Deadline, "an unreadable Session-Deadline")?;
        if let Some(revision) = self.positive(Field::Revision, "an unreadable Session-Revision")? {
            if request.verb != Verb::Put || request.condition != Condition::New {
                return Err("Session-Revision without a PUT of something new");
            }
            request.first_revision = revision;
        }
        request.hold = self.word(Field::Hold, b"yes", "an unreadable Session-Hold")?;
        request.principal = self.key(Field::Principal, "an unreadable Session-Principal")?;
        request.labels = self.get(Field::Labels).unwrap_or_default();
        if !request.labels.iter().all(|byte| is_base64(*byte)) {
            return Err("Session-Labels is not base64");
        }
        if let Some(text) = self.get(Field::Destination) {
            let target = Target::parse(text).ok_or("an unreadable Destination")?;
            request.destination = Some(target);
        }
        Ok(())
    }

    fn exclusive(&self) -> Result<Option<Exclusive>, Fault> {
        match self.get(Field::Exclusive) {
            None => Ok(None),
            _ if self.0.verb != Verb::Get => Ok(None),
            Some(word) if word.eq_ignore_ascii_case(b"acquire") => Ok(Some(Exclusive::Acquire)),
            Some(word) if word.eq_ignore_ascii_case(b"release") => Ok(Some(Exclusive::Release)),
            Some(_) => Err("Exclusive is neither acquire nor release"),
        }
    }

    fn cookie(&self) -> Result<Option<i32>, Fault> {
        let number = self.number(Field::LockCookie, "an unreadable LockCookie")?;
        let cookie = number.map(i32::try_from).transpose();
        let cookie = cookie.map_err(|_| "an unreadable LockCookie")?;
        if cookie.is_none() && self.exclusive()? == Some(Exclusive::Release) {
            return Err("a release without LockCookie");
        }
        Ok(cookie)
    }

    fn timeout(&self) -> Result<u64, Fault> {
        let fault = "an unreadable Timeout";
        let number = self.positive(Field::Timeout, fault)?;
        let number = number.unwrap_or(DEFAULT_TIMEOUT_MINUTES.into());
        let number = u32::try_from(number).map_err(|_| fault)?;
        if number > MAX_TIMEOUT_MINUTES {
            return Err("Timeout is more than a year");
        }
        Ok(minutes(number))
    }

    fn flags(&self) -> Result<u64, Fault> {
        let flags = self.number(Field::ExtraFlags, "unreadable ExtraFlags")?;
        Ok(flags.unwrap_or(0))
    }

    fn condition(&self) -> Result<Condition, Fault> {
        match (self.get(Field::IfMatch), self.get(Field::IfNoneMatch)) {
            (None, None) => Ok(Condition::None),
            (Some(tag), None) => {
                let revision = parse_etag(tag).ok_or("If-Match is not one revision")?;
                Ok(Condition::Revision(revision))
            }
            (None, Some(b"*")) => Ok(Condition::New),
            (None, Some(_)) => Err("If-None-Match is not *"),
            (Some(_), Some(_)) => Err("If-Match and If-None-Match together"),
        }
    }

    fn ended(&self) -> Result<EndReason, Fault> {
        match self.get(Field::Ended) {
            None | Some(b"destroyed") => Ok(EndReason::Destroyed),
            Some(b"revoked") => Ok(EndReason::Revoked),
            Some(b"renewed") => Ok(EndReason::Renewed),
            Some(_) => Err("Session-Ended is no reason why a session ends"),
        }
    }

    /// Whether the header is there; it can only be `word`.
    fn word(&self, field: Field, word: &[u8], fault: Fault) -> Result<bool, Fault> {
        match self.get(field) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case(word) => Ok(true),
            Some(_) => Err(fault),
        }
    }

    fn number(&self, field: Field, fault: Fault) -> Result<Option<u64>, Fault> {
        let text = self.get(field);
        text.map(|text| parse_decimal(text).ok_or(fault))
            .transpose()
    }

    fn positive(&self, field: Field, fault: Fault) -> Result<Option<u64>, Fault> {
        match self.number(field, fault)? {
            Some(0) => Err(fault),
            number => Ok(number),
        }
    }

    fn key(&self, field: Field, fault: Fault) -> Result<Option<[u8; 32]>, Fault> {
        let text = self.get(field);
        text.map(|text| parse_hex(text).ok_or(fault)).transpose()
    }
}

const fn minutes(number: u32) -> u64 {
    number as u64 * 60_000
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte)
}
