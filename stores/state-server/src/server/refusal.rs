//! What the server refuses to everybody: beyond its caps, without a token, or while it drains.

use crate::wire::Status;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:ident $label:literal $reason:literal;)*) => {
        /// Why a request or a connection is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn status(self) -> Status {
                match self {
                    $(Self::$name => Status::$status,)*
                }
            }

            /// What it is called in metrics.
            pub(crate) fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }

            /// What a client of the extended protocol is told.
            pub(crate) fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)*
                }
            }
        }
    };
}

refusals! {
    /// It cannot be read, or says what makes no sense.
    Request = BadRequest "request" "what was sent is no request";
    Head = BadRequest "head" "the head is too large";
    Target = BadRequest "target" "the target is too long";
    Headers = BadRequest "headers" "too many headers";
    Token = Unauthorized "token" "no token, or not one of ours";
    /// It did not arrive in time.
    Slow = RequestTimeout "slow" "the request took too long";
    Item = ContentTooLarge "item" "the item is too large";
    Connections = TooManyRequests "connections" "too many connections";
    Waiters = TooManyRequests "waiters" "too many wait for this lock";
    Draining = ServiceUnavailable "draining" "draining";
    /// A write may have been done, or not.
    Disk = ServiceUnavailable "disk" "the server's disk fails";
    Memory = InsufficientStorage "memory" "the server's memory is used up";
    /// A TLS handshake that failed; nothing is answered.
    Handshake = BadRequest "handshake" "no TLS";
}
