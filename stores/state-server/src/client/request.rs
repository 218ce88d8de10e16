//! Requests, appended to the buffer that goes out.

use std::time::Duration;

use session_core::{
    EndReason, LeaseToken, LeaseUse, Lifetime, Loaded, PrincipalKey, Record, Revision, StoreKey,
    TOMBSTONE,
};

use super::parcel::Parcel;
use super::shown::Shown;
use crate::wire::{PROTOCOL, control_target, header, push_decimal, push_etag, push_hex};

/// What the targets of sessions and of principals begin with.
const SESSION: &str = "/s/";
const PRINCIPAL: &str = "/.session/principal/";

const PING: &str = "/.session/ping";

/// A request that is being appended.
struct Request<'a>(&'a mut Vec<u8>);

impl<'a> Request<'a> {
    fn session(out: &'a mut Vec<u8>, verb: &str, key: &StoreKey) -> Self {
        Self::keyed(out, verb, SESSION, key.as_bytes())
    }

    fn principal(out: &'a mut Vec<u8>, verb: &str, principal: &PrincipalKey) -> Self {
        Self::keyed(out, verb, PRINCIPAL, principal.as_bytes())
    }

    fn keyed(out: &'a mut Vec<u8>, verb: &str, prefix: &str, key: &[u8; 32]) -> Self {
        out.extend_from_slice(verb.as_bytes());
        out.push(b' ');
        out.extend_from_slice(prefix.as_bytes());
        push_hex(out, key);
        Self(out).extended()
    }

    fn new(out: &'a mut Vec<u8>, verb: &str, target: &str) -> Self {
        out.extend_from_slice(verb.as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        Self(out).extended()
    }

    fn extended(self) -> Self {
        self.0.extend_from_slice(b" HTTP/1.1\r\n");
        self.text(header::SESSION_PROTOCOL, PROTOCOL.as_bytes())
    }

    fn text(self, name: &str, value: &[u8]) -> Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    fn number(self, name: &str, value: u64) -> Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        push_decimal(self.0, value);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    fn hash(self, name: &str, value: &[u8; 32]) -> Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        push_hex(self.0, value);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// A duration in milliseconds. The server takes no zero where a length is meant.
    fn length(self, name: &str, value: Duration) -> Self {
        self.number(name, millis(value).max(1))
    }

    fn lifetime(self, lifetime: Lifetime) -> Self {
        self.length(header::SESSION_TTL, lifetime.idle)
            .length(header::SESSION_DEADLINE, lifetime.absolute)
    }

    fn based_on(self, base: Revision) -> Self {
        self.0.extend_from_slice(header::IF_MATCH.as_bytes());
        self.0.extend_from_slice(b": ");
        push_etag(self.0, base.get());
        self.0.extend_from_slice(b"\r\n");
        self
    }

    fn cookie(self, token: LeaseToken) -> Self {
        self.number(header::LOCK_COOKIE, token.get())
    }

    fn without_touch(self) -> Self {
        self.text(header::SESSION_TOUCH, b"no")
    }

    /// The record as the body, behind `prefix`, and beside it what a listing shows.
    fn record(self, prefix: &[u8], record: &Record) {
        let mut this = self;
        if let Some(principal) = &record.principal {
            this = this.hash(header::SESSION_PRINCIPAL, principal.as_bytes());
        }
        if let Some(shown) = Shown::text(record) {
            this = this.text(header::SESSION_LABELS, shown.as_bytes());
        }
        let length = prefix.len() + record.encoded_len();
        let out = this.number(header::CONTENT_LENGTH, length as u64).end();
        out.extend_from_slice(prefix);
        record.encode(out);
    }

    fn body(self, body: &[u8]) {
        let out = self.number(header::CONTENT_LENGTH, body.len() as u64).end();
        out.extend_from_slice(body);
    }

    fn end(self) -> &'a mut Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// A duration in whole milliseconds.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The first request of every connection: shows the token and asks who is there.
pub(super) fn greeting(out: &mut Vec<u8>, token: Option<&str>) {
    let mut request = Request::new(out, "GET", PING);
    if let Some(token) = token {
        request = request.text(header::AUTHORIZATION, format!("Bearer {token}").as_bytes());
    }
    request.end();
}

pub(super) fn ping(out: &mut Vec<u8>) {
    greeting(out, None);
}

pub(super) fn create(out: &mut Vec<u8>, key: &StoreKey, record: &Record, lifetime: Lifetime) {
    Request::session(out, "PUT", key)
        .text(header::IF_NONE_MATCH, b"*")
        .lifetime(lifetime)
        .record(&[], record);
}

/// Adds a session that comes from another server.
pub(super) fn arrive(
    out: &mut Vec<u8>,
    key: &StoreKey,
    revision: Revision,
    record: &Record,
    lifetime: Lifetime,
) {
    Request::session(out, "PUT", key)
        .text(header::IF_NONE_MATCH, b"*")
        .number(header::SESSION_REVISION, revision.get())
        .lifetime(lifetime)
        .record(&[], record);
}

pub(super) fn load(out: &mut Vec<u8>, key: &StoreKey) {
    Request::session(out, "GET", key).without_touch().end();
}

pub(super) fn save(
    out: &mut Vec<u8>,
    key: &StoreKey,
    base: Revision,
    record: &Record,
    lifetime: Lifetime,
    lease: LeaseUse,
) {
    let mut request = Request::session(out, "PUT", key)
        .based_on(base)
        .lifetime(lifetime);
    if let Some(token) = lease.token() {
        request = request.cookie(token);
    }
    if let LeaseUse::Hold(_) = lease {
        request = request.text(header::SESSION_HOLD, b"yes");
    }
    request.record(&[], record);
}

pub(super) fn touch(out: &mut Vec<u8>, key: &StoreKey) {
    Request::session(out, "HEAD", key).end();
}

pub(super) fn rename(
    out: &mut Vec<u8>,
    from: &StoreKey,
    to: &StoreKey,
    base: Revision,
    record: &Record,
    lifetime: Lifetime,
    lease: LeaseUse,
) {
    let request = Request::session(out, "MOVE", from);
    request.0.extend_from_slice(header::DESTINATION.as_bytes());
    request.0.extend_from_slice(b": ");
    request.0.extend_from_slice(SESSION.as_bytes());
    push_hex(request.0, to.as_bytes());
    request.0.extend_from_slice(b"\r\n");
    let mut request = request.based_on(base).lifetime(lifetime);
    if let Some(token) = lease.token() {
        request = request.cookie(token);
    }
    request.record(&[], record);
}

pub(super) fn delete(out: &mut Vec<u8>, key: &StoreKey, reason: EndReason) {
    Request::session(out, "DELETE", key)
        .text(header::SESSION_ENDED, reason.as_str().as_bytes())
        .end();
}

/// Takes the lease; without a `wait` it is now or never.
pub(super) fn acquire(out: &mut Vec<u8>, key: &StoreKey, lease: Duration, wait: Option<Duration>) {
    let mut request = Request::session(out, "GET", key)
        .text(header::EXCLUSIVE, b"acquire")
        .length(header::SESSION_LEASE, lease)
        .without_touch();
    if let Some(wait) = wait {
        request = request.number(header::SESSION_WAIT, millis(wait));
    }
    request.end();
}

pub(super) fn extend(out: &mut Vec<u8>, key: &StoreKey, token: LeaseToken, lease: Duration) {
    Request::session(out, "HEAD", key)
        .cookie(token)
        .length(header::SESSION_LEASE, lease)
        .without_touch()
        .end();
}

pub(super) fn release(out: &mut Vec<u8>, key: &StoreKey, token: LeaseToken) {
    Request::session(out, "GET", key)
        .text(header::EXCLUSIVE, b"release")
        .cookie(token)
        .without_touch()
        .end();
}

pub(super) fn list(out: &mut Vec<u8>, principal: &PrincipalKey, after: Option<&StoreKey>) {
    let mut request = Request::principal(out, "GET", principal);
    if let Some(after) = after {
        request = request.hash(header::SESSION_AFTER, after.as_bytes());
    }
    request.end();
}

pub(super) fn delete_all(out: &mut Vec<u8>, principal: &PrincipalKey, except: Option<&StoreKey>) {
    let mut request = Request::principal(out, "DELETE", principal);
    if let Some(except) = except {
        request = request.hash(header::SESSION_EXCEPT, except.as_bytes());
    }
    request.end();
}

pub(super) fn meta_get(out: &mut Vec<u8>, name: &str) {
    Request::new(out, "GET", &control_target(name)).end();
}

pub(super) fn meta_set(out: &mut Vec<u8>, name: &str, expected: Option<Revision>, value: &[u8]) {
    let request = Request::new(out, "PUT", &control_target(name));
    let request = match expected {
        Some(version) => request.based_on(version),
        None => request.text(header::IF_NONE_MATCH, b"*"),
    };
    request.body(value);
}

/// Makes a parcel of a session, if it is as it was loaded. It is kept as long as the session
/// would have been.
pub(super) fn pack(out: &mut Vec<u8>, key: &StoreKey, loaded: &Loaded, token: Option<LeaseToken>) {
    let mut request = Request::session(out, "PUT", key)
        .based_on(loaded.revision)
        .lifetime(Lifetime {
            idle: loaded.time_left,
            absolute: loaded.time_left,
        });
    if let Some(token) = token {
        request = request.cookie(token);
    }
    request.record(&Parcel::header(loaded.idle), &loaded.record);
}

/// Ends a parcel whose session is in its new place.
pub(super) fn discard(out: &mut Vec<u8>, key: &StoreKey, parcel: Revision) {
    Request::session(out, "DELETE", key)
        .based_on(parcel)
        .text(
            header::SESSION_ENDED,
            EndReason::Renewed.as_str().as_bytes(),
        )
        .end();
}

/// Takes a free key, so that it can be ended.
pub(super) fn reserve(out: &mut Vec<u8>, key: &StoreKey) {
    Request::session(out, "PUT", key)
        .text(header::IF_NONE_MATCH, b"*")
        .length(header::SESSION_TTL, TOMBSTONE)
        .body(&Parcel::header(TOMBSTONE));
}
