//! The handles that handlers touch.
//!
//! [`ReadOnlySession`] has what reads, [`Session`] adds what writes, [`LiveSession`] adds what
//! a stream or a WebSocket needs after the response's head. An adapter wraps each of them in an
//! extractor of its own that dereferences to the handle here, so each method stands once.

mod compute;
mod live;
mod read_only;
mod read_write;

pub use self::live::LiveSession;
pub use self::read_only::ReadOnlySession;
pub use self::read_write::Session;
