//! What can go wrong between us and a server, said so that an operator knows where to look.

use std::fmt;
use std::io;
use std::sync::Arc;

use session_core::{StoreError, StoreErrorKind};

use super::NAME;
use super::address::Address;
use super::tls;

/// How far a connection or a request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Resolve,
    Connect,
    Tls,
    Token,
    /// Comparing the lists of servers.
    List,
    Send,
    Read,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Token => "token",
            Self::List => "server list",
            Self::Send => "send",
            Self::Read => "read",
        })
    }
}

/// A failure that many requests may share.
#[derive(Clone, Debug)]
pub(super) struct Fault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: StoreErrorKind,
    message: String,
    passing: bool,
}

impl Fault {
    /// A failure of input or output with `address`.
    pub(super) fn io(address: &Address, phase: Phase, error: &io::Error) -> Self {
        let of_tls = tls::advice(error);
        let kind = match error.kind() {
            io::ErrorKind::TimedOut => StoreErrorKind::TimedOut,
            _ if of_tls.is_some() => StoreErrorKind::Refused,
            _ => StoreErrorKind::Unavailable,
        };
        let advice = of_tls.unwrap_or_else(|| advice(address, phase, error));
        Self(Arc::new(Inner {
            kind,
            message: format!("{address}: {error} (phase: {phase}); {advice}"),
            passing: phase != Phase::Resolve && of_tls.is_none(),
        }))
    }

    /// The server answered within the protocol or outside of it with what we cannot go on with.
    pub(super) fn answer(
        address: &Address,
        kind: StoreErrorKind,
        phase: Phase,
        problem: &str,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: format!("{address}: {problem} (phase: {phase})"),
            passing: false,
        }))
    }

    /// The runtime that the connections live on has ended.
    pub(super) fn stopped(address: &Address) -> Self {
        Self(Arc::new(Inner {
            kind: StoreErrorKind::Unavailable,
            message: format!("{address}: the runtime that the store was built on has ended"),
            passing: false,
        }))
    }

    /// Whether another attempt a moment later may well succeed.
    pub(super) fn is_passing(&self) -> bool {
        self.0.passing
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.0.kind, NAME, fault.0.message.clone())
    }
}

fn advice(address: &Address, phase: Phase, error: &io::Error) -> &'static str {
    match (phase, error.kind()) {
        (Phase::Resolve, _) => "look at the host in store.url",
        (Phase::Connect, io::ErrorKind::ConnectionRefused) if address.is_remote() => {
            "is session-state-server running there? By default it answers on 127.0.0.1 only; \
             start it with --listen and --allow-remote, or look at store.url"
        }
        (Phase::Connect, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            "is session-state-server running there? Look at store.url"
        }
        (Phase::Connect, io::ErrorKind::PermissionDenied) => {
            "this process needs write permission on the socket; look at the group of the socket \
             file"
        }
        (Phase::Connect, _) => "look at store.url and store.connect_timeout",
        (Phase::Tls, _) => {
            "the server did not agree on TLS; look at store.tls, at its --tls-cert, and at \
             store.connect_timeout"
        }
        (Phase::Token, io::ErrorKind::InvalidData) => "look at store.url, store.tls and its port",
        (Phase::Token, _) => {
            "the server did not answer the greeting; look at store.url, store.tls, \
             store.token_file and store.connect_timeout"
        }
        (Phase::List, _) => {
            "the server did not say which list of servers it belongs to; look at its log and at \
             store.connect_timeout"
        }
        (Phase::Send | Phase::Read, io::ErrorKind::TimedOut) => "look at store.operation_timeout",
        (Phase::Send | Phase::Read, _) => "the server closed the connection; look at its log",
    }
}

/// A request that was not answered.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    /// The server has not done it: no byte was written, or it said so.
    Undone(Fault),
    /// The connection broke after some of it was written.
    Cut(Fault),
    /// Asking again is of no use.
    Final(Fault),
}

impl Lost {
    /// Whether to ask once more, with a request that may or may not be repeated.
    pub(super) fn may_repeat(&self, repeatable: bool) -> bool {
        match self {
            Self::Undone(_) => true,
            Self::Cut(_) => repeatable,
            Self::Final(_) => false,
        }
    }
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Undone(fault) | Lost::Cut(fault) | Lost::Final(fault) => fault.into(),
        }
    }
}
