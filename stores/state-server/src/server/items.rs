//! What the server keeps.

mod budget;
mod control;
mod expiry;
mod index;
mod item;
mod key;
mod lock;
mod moment;
mod shard;
mod table;
mod tombstone;

pub(crate) use self::budget::{Budget, Full, Purpose};
pub(crate) use self::control::{Control, Row, RowSet};
pub(crate) use self::index::Index;
pub(crate) use self::item::{Content, Item, Listing};
pub(crate) use self::key::{Key, Keys};
pub(crate) use self::lock::{Holding, Ticket, cookie_after};
pub(crate) use self::moment::{Moment, Tick};
pub(crate) use self::shard::Shard;
