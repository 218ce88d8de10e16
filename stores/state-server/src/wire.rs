//! What client and server say to each other.
//!
//! The base is the ASP.NET State Server protocol: HTTP-shaped requests over plain TCP, bodies
//! framed by `Content-Length` only. The extensions count in a request that carries
//! `Session-Protocol: 1`, and only its answer has headers of theirs. Numbers are decimal
//! without sign, times are milliseconds.
//!
//! # Records
//!
//! The body is the client's: the server keeps it and gives it back as it is. What a listing of
//! a principal's sessions has to show goes beside it in `Session-Labels`, as base64; the server
//! keeps the text and does not look into it. So a client puts the record's dates into both, and
//! a session without a principal needs no `Session-Labels`.
//!
//! # Requests of our own client
//!
//! | operation | request | answers |
//! |---|---|---|
//! | create | `PUT`, `If-None-Match: *` | 200; 412 exists (no body); 410 a tombstone is there |
//! | arrive from another server | as create, with `Session-Revision` | as create |
//! | load | `GET`, `Session-Touch: no` | 200 with the record; 404; 410 |
//! | save | `PUT`, `If-Match`, and `LockCookie` if there is a lease, with `Session-Hold: yes` to keep it | 200; 404; 410; 423; 412 with the current record |
//! | touch | `HEAD` | 200; 404; 410 |
//! | rename | `MOVE`, `Destination`, `If-Match`, perhaps `LockCookie` | as save; 409 the destination is taken |
//! | delete | `DELETE`, with `Session-Ended` for the reason | 200 it was live; 404; 410 it had ended before |
//! | acquire | `GET`, `Exclusive: acquire`, `Session-Lease`, `Session-Wait`, `Session-Touch: no` | 200 with `LockCookie` and the record; 423; 404; 410; 429 too many wait |
//! | extend | `HEAD`, `LockCookie`, `Session-Lease`, `Session-Touch: no` | 200; 423, 404, 410 |
//! | release | `GET`, `Exclusive: release`, `LockCookie`, `Session-Touch: no` | 200; 423 it was not the holder's, or nobody held it; 404; 410 |
//! | list | `GET` of a principal, perhaps `Session-After` | 200, a line for each session: `key revision ms-left labels`, `-` for no labels; `Session-Next` if there are more |
//! | end all | `DELETE` of a principal, perhaps `Session-Except` | 200 with `Session-Count` |
//! | control row | `GET`; `PUT` with `If-None-Match: *` or `If-Match` | 200; 404; 412 with the current row |
//! | ping | `GET /.session/ping` | 200; 503 |
//!
//! PUT and MOVE carry `Session-Ttl`, `Session-Deadline`, `Session-Principal` and
//! `Session-Labels`; what is left out is none (no deadline, no principal), also if the item had
//! one before, except that a deadline is never raised or removed by a PUT. Every answer has
//! `Session-Time`; those that tell of a live item (200 of GET, HEAD, PUT, MOVE, and 412 to
//! `If-Match`) have `ETag`, `Session-Ttl` and `Session-Left` too; those with a record also have
//! the `Session-Principal` and the `Session-Labels` that came with it. A refusal says why in
//! `Session-Reason`.
//!
//! Refused are: 400 what is no request, 401 without the token, 408 a frame that took too long,
//! 413 too large an item, 429 too many connections or waiters, 503 while the server drains or its
//! disk fails, 507 when its memory is used up.
//!
//! # A server with a disk
//!
//! An answer comes when what it tells is on the disk, as far as the server promises that. If the
//! disk fails, what would have to wait for it is answered 503: whether it has been done is open,
//! and a write may be found done later. While the disk fails, PUT and MOVE are answered 503 and
//! do nothing; DELETE is answered 503 and ends the session in memory. After a restart locks and
//! leases are gone, and the counters of locks are above every earlier one.

//! # The list of servers
//!
//! Clients that spread sessions over several servers keep the list in the control row
//! `server-list` of each of them, as text; they refuse to work where it is not theirs. A session
//! on its way from one server to another, after a change of the list, is an item whose body
//! begins with the byte 0xf0, which no record does.

mod number;
mod status;
mod target;

pub use self::number::{parse_decimal, parse_etag, push_decimal, push_etag};
pub use self::status::Status;
pub use self::target::{
    MAX_CONTROL_NAME, Target, control_target, foreign_target, form_encode, parse_hex,
    principal_target, push_hex, session_target,
};

/// The port of the protocol.
pub const PORT: u16 = 42424;

/// The value of [`header::SESSION_PROTOCOL`].
pub const PROTOCOL: &str = "1";

/// How long an item lives whose PUT has no `Timeout`, in minutes.
pub const DEFAULT_TIMEOUT_MINUTES: u32 = 20;

/// The longest `Timeout`, in minutes: a year.
pub const MAX_TIMEOUT_MINUTES: u32 = 525_600;

/// The most sessions that an answer to a listing has.
pub const PAGE: usize = 100;

/// What every response of our server begins with, after its status line.
pub const COMMON_HEADERS: &str = "X-AspNet-Version: 4.0.30319\r\nCache-Control: private\r\n";

/// Names of headers, as they are sent; they are compared without case.
pub mod header {
    /// Bearer token, on the first request of a connection.
    pub const AUTHORIZATION: &str = "Authorization";
    /// `close`: the connection ends after this exchange.
    pub const CONNECTION: &str = "Connection";
    /// Length of the body in bytes.
    pub const CONTENT_LENGTH: &str = "Content-Length";
    /// Never accepted.
    pub const TRANSFER_ENCODING: &str = "Transfer-Encoding";

    /// On GET: `acquire` or `release`.
    pub const EXCLUSIVE: &str = "Exclusive";
    /// The lock's counter: an i32 that is not negative; the token of a lease.
    pub const LOCK_COOKIE: &str = "LockCookie";
    /// How the published examples spell [`LOCK_COOKIE`]; accepted, never sent.
    pub const LOCK_COOKIE_ALIAS: &str = "Lock-Cookie";
    /// Idle length in minutes.
    pub const TIMEOUT: &str = "Timeout";
    /// On PUT: 1 makes an uninitialised item, insert only.
    pub const EXTRA_FLAGS: &str = "ExtraFlags";
    /// In the first answer with an uninitialised item: 1.
    pub const ACTION_FLAGS: &str = "ActionFlags";
    /// With 423: when the lock was taken, in ticks of 100 ns since 0001-01-01.
    pub const LOCK_DATE: &str = "LockDate";
    /// With 423: how long ago the lock was taken, in whole seconds.
    pub const LOCK_AGE: &str = "LockAge";

    /// Marks requests and responses of the extended protocol; see [`PROTOCOL`](super::PROTOCOL).
    pub const SESSION_PROTOCOL: &str = "Session-Protocol";
    /// The revision, a quoted number from 1 up.
    pub const ETAG: &str = "ETag";
    /// The revision on which a write is based.
    pub const IF_MATCH: &str = "If-Match";
    /// `*`: create only.
    pub const IF_NONE_MATCH: &str = "If-None-Match";
    /// On PUT with `If-None-Match: *`: the revision with which a session arrives from another
    /// server. Default 1.
    pub const SESSION_REVISION: &str = "Session-Revision";
    /// The idle length in milliseconds, more than 0.
    pub const SESSION_TTL: &str = "Session-Ttl";
    /// On PUT and MOVE: milliseconds until the absolute deadline.
    pub const SESSION_DEADLINE: &str = "Session-Deadline";
    /// In responses: milliseconds until the item expires if nobody touches it.
    pub const SESSION_LEFT: &str = "Session-Left";
    /// In responses: the server's clock, milliseconds since the Unix epoch.
    pub const SESSION_TIME: &str = "Session-Time";
    /// `no`: this request does not slide the expiry. On GET and HEAD.
    pub const SESSION_TOUCH: &str = "Session-Touch";
    /// On MOVE: the new target.
    pub const DESTINATION: &str = "Destination";
    /// With 410, and on DELETE: `renewed`, `destroyed` or `revoked`. A DELETE without it
    /// destroys.
    pub const SESSION_ENDED: &str = "Session-Ended";
    /// The length of a lease, in milliseconds, more than 0.
    pub const SESSION_LEASE: &str = "Session-Lease";
    /// How long an acquire may wait, in milliseconds.
    pub const SESSION_WAIT: &str = "Session-Wait";
    /// `yes`: the holder of a lease keeps it beyond this PUT.
    pub const SESSION_HOLD: &str = "Session-Hold";
    /// The principal's key, 64 hex digits.
    pub const SESSION_PRINCIPAL: &str = "Session-Principal";
    /// What a listing shows of the session: base64.
    pub const SESSION_LABELS: &str = "Session-Labels";
    /// In a listing: go on after this key, 64 hex digits.
    pub const SESSION_AFTER: &str = "Session-After";
    /// In the answer to a listing: the key after which the next page begins.
    pub const SESSION_NEXT: &str = "Session-Next";
    /// On DELETE of a principal: the key that is spared, 64 hex digits.
    pub const SESSION_EXCEPT: &str = "Session-Except";
    /// In the answer to a DELETE of a principal: how many were ended.
    pub const SESSION_COUNT: &str = "Session-Count";
    /// Why a request was refused, in words.
    pub const SESSION_REASON: &str = "Session-Reason";
}
