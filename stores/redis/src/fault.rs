//! What can go wrong between us and a server, said so that an operator knows where to look.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};
use session_core::{StoreError, StoreErrorKind};

use crate::NAME;
use crate::address::Address;

/// A failure that many requests may share.
#[derive(Clone, Debug)]
pub(crate) struct Fault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: StoreErrorKind,
    message: String,
    passing: bool,
}

impl Fault {
    /// A failure that another attempt will meet again.
    pub(crate) fn lasting(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message.into(), false)
    }

    /// A failure that may be gone in a moment.
    pub(crate) fn passing(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message.into(), true)
    }

    fn new(kind: StoreErrorKind, message: String, passing: bool) -> Self {
        Self(Arc::new(Inner {
            kind,
            message,
            passing,
        }))
    }

    /// No connection to `address` could be made.
    pub(crate) fn connecting(address: &Address, error: &RedisError) -> Self {
        let text = error.to_string();
        let lasting = |kind, advice| Self::lasting(kind, format!("{address}: {text}; {advice}"));
        if let Some(advice) = tls_advice(&text) {
            return lasting(StoreErrorKind::Refused, advice);
        }
        let is_auth = error.kind() == ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
        if is_auth || text.contains("NOAUTH") || text.contains("WRONGPASS") {
            // The server's own words may repeat the user.
            let message = format!(
                "{address}: the server refused our name and password; look at the user and \
                 password in store.url and at the server's ACL"
            );
            return Self::lasting(StoreErrorKind::Refused, message);
        }
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => Self::timed_out_connecting(address),
            ErrorKind::Io => Self::passing(
                StoreErrorKind::Unavailable,
                format!(
                    "{address}: {text}; is the server running there, and does it speak TLS if \
                     and only if store.url says so? Look at store.url"
                ),
            ),
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Self::passing(
                StoreErrorKind::Unavailable,
                format!("{address}: the server is still loading its data"),
            ),
            _ => lasting(
                StoreErrorKind::Refused,
                "look at store.url and at the server's log",
            ),
        }
    }

    /// There was no connection to `address` in time.
    pub(crate) fn timed_out_connecting(address: &Address) -> Self {
        let message = format!(
            "{address}: no connection in time; is the server running, and does its port speak \
             TLS if and only if store.url says so? Look at store.url and store.connect_timeout"
        );
        Self::passing(StoreErrorKind::TimedOut, message)
    }

    /// The server did not answer a call in time.
    pub(crate) fn timed_out(address: &Address) -> Self {
        let message = format!(
            "{address}: no answer in time; what was asked may or may not have happened; look at \
             the server's load and at store.operation_timeout"
        );
        Self::passing(StoreErrorKind::TimedOut, message)
    }

    /// The connection broke while a call was under way.
    pub(crate) fn cut(address: &Address, text: &str) -> Self {
        let message = format!(
            "{address}: the connection broke ({text}); what was asked may or may not have \
             happened; look at the server's log"
        );
        Self::passing(StoreErrorKind::Unavailable, message)
    }

    /// The runtime that the connections live on has ended.
    pub(crate) fn stopped() -> Self {
        let message = "the runtime that the store was built on has ended";
        Self::lasting(StoreErrorKind::Unavailable, message)
    }

    /// Whether another attempt a moment later may well succeed.
    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.0.kind, NAME, fault.0.message.clone())
    }
}

fn tls_advice(text: &str) -> Option<&'static str> {
    if text.contains("InvalidContentType") || text.contains("corrupt message") {
        return Some(
            "the port does not speak TLS; write redis:// for it, or name the server's TLS port",
        );
    }
    if text.contains("UnknownIssuer") || text.contains("certificate") {
        return Some(
            "the server's certificate is not of an authority that we trust or not for this \
             name; set store.tls to the PEM file of its authority, or look at the host in \
             store.url",
        );
    }
    text.contains("received fatal alert").then_some(
        "the server refused our side of TLS; if it demands a certificate, set \
         store.tls_client_cert and store.tls_client_key",
    )
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection broke, after or before the server did what was asked.
    Cut(String),
    /// The server has not done it and says why.
    Refused(Refusal),
}

impl From<RedisError> for Broken {
    fn from(error: RedisError) -> Self {
        Self::Cut(error.to_string())
    }
}

/// Why a server did not do what was asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It does not know the script.
    NoScript,
    /// The slot lies elsewhere: slot and server.
    Moved(String),
    /// The slot is on its way to this server.
    Ask(String),
    /// A moment later it may.
    NotNow(String),
    /// It takes no writes, or not any more.
    ReadOnly,
    /// It will not do it.
    Never(StoreErrorKind, String),
}

impl Refusal {
    pub(crate) fn new(error: &ServerError) -> Self {
        let details = error.details().unwrap_or_default();
        // The place is what stands last: `MOVED 3999 127.0.0.1:6381`.
        let place = || {
            details
                .split_ascii_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        };
        match error.kind() {
            Some(ServerErrorKind::NoScript) => Self::NoScript,
            Some(ServerErrorKind::Moved) => Self::Moved(place()),
            Some(ServerErrorKind::Ask) => Self::Ask(place()),
            Some(ServerErrorKind::ReadOnly) => Self::ReadOnly,
            Some(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading,
            ) => Self::NotNow(error.code().to_owned()),
            // Somebody's script runs for too long.
            _ if error.code() == "BUSY" => Self::NotNow("BUSY".to_owned()),
            _ => Self::never(error.code(), details),
        }
    }

    fn never(code: &str, details: &str) -> Self {
        // Errors inside of a script stand in the text on some versions and in the code on others.
        let has = |word: &str| code == word || details.contains(word);
        let never = |kind, message: &str| Self::Never(kind, message.to_owned());
        if has("OOM") {
            let message = "the server is out of memory and evicts nothing; raise its maxmemory";
            return never(StoreErrorKind::Full, message);
        }
        if has("NOPERM")
            || details.contains("permission")
            || details.contains("No permissions")
            || details.contains("user executing the script")
        {
            let message = "the ACL user lacks a permission; it needs ~prefix* on the keys and \
                           +@read +@write +@scripting +@connection +time +info, and on a cluster \
                           +cluster|slots +asking, with WAIT +wait";
            return never(StoreErrorKind::Refused, message);
        }
        if has("WRONGTYPE") {
            let message = "a key of ours holds another type; somebody else writes under the same \
                           names: choose another store.key_prefix";
            return never(StoreErrorKind::Corrupt, message);
        }
        if has("READONLY") {
            return Self::ReadOnly;
        }
        if has("NOAUTH") {
            let message = "the server demands a password; put it into store.url";
            return never(StoreErrorKind::Refused, message);
        }
        if has("MISCONF") || has("NOREPLICAS") {
            let message = format!(
                "the server takes no writes at the moment ({code}); look at its log: it cannot \
                 save, or lacks replicas"
            );
            return Self::Never(StoreErrorKind::Refused, message);
        }
        let kind = StoreErrorKind::Other;
        Self::Never(kind, format!("the server answered {code}; look at its log"))
    }
}
