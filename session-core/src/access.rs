//! What a handler declares that it needs.

/// How a handler uses the session, as its signature says.
///
/// The order is that of the demands: several extractors in one handler share one load, made
/// for the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Reads; never writes, never waits for a lease.
    ReadOnly,
    /// Reads and writes; parallel requests are merged.
    ReadWrite,
    /// Holds the session's lease during the whole request.
    Exclusive,
}
