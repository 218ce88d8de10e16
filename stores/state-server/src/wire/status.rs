//! Statuses.

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal $phrase:literal;)*) => {
        /// The status of a response.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Status {
            $($(#[$doc])* $name,)*
        }

        impl Status {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The status line, with its line end.
            #[must_use]
            pub const fn line(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("HTTP/1.1 ", $code, " ", $phrase, "\r\n"),)*
                }
            }
        }
    };
}

statuses! {
    /// Done.
    Ok = 200 "OK";
    /// What was sent is no request.
    BadRequest = 400 "Bad Request";
    /// The token is wrong or missing; the connection ends.
    Unauthorized = 401 "Unauthorized";
    /// No such item.
    NotFound = 404 "Not Found";
    /// A frame was not complete in time; the connection ends.
    RequestTimeout = 408 "Request Timeout";
    /// The destination of a MOVE is taken.
    Conflict = 409 "Conflict";
    /// The session has ended, and left a tombstone.
    Gone = 410 "Gone";
    /// The item is at another revision.
    PreconditionFailed = 412 "Precondition Failed";
    /// The item is too large; the connection ends.
    ContentTooLarge = 413 "Content Too Large";
    /// Somebody else holds the lock.
    Locked = 423 "Locked";
    /// Too many connections or waiters.
    TooManyRequests = 429 "Too Many Requests";
    /// The server drains.
    ServiceUnavailable = 503 "Service Unavailable";
    /// The memory is used up.
    InsufficientStorage = 507 "Insufficient Storage";
}

impl Status {
    /// The status with this number.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|status| status.code() == code)
    }
}
