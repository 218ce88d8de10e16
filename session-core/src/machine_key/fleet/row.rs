//! [`FleetRow`]: the keys of a farm, as the shared store has them.

use serde::{Deserialize, Serialize};

use super::judge::{Verdict, judge};
use crate::clock::Timestamp;
use crate::crypto::{self, HmacSha256};
use crate::machine_key::dates::{format_date, parse_date};
use crate::machine_key::hex::{self, Hex};
use crate::machine_key::key::{Kid, Purpose};
use crate::machine_key::ring::{Ring, RingKey};
use crate::machine_key::schedule::Scheduled;

/// The largest row, in bytes. The largest ring file is as large, and its row is smaller.
pub(super) const LARGEST: usize = 64 * 1024;

/// The longest name of a writer, in bytes.
const LONGEST_WRITER: usize = 255;

type Tag = [u8; 32];

/// The name of the control row in which a store has the [`FleetRow`] of an application.
#[must_use]
pub fn fleet_row(app: &str) -> String {
    format!("fleet/{app}")
}

/// Which keys a farm has, who said so, and when, as the shared store keeps it for every instance
/// to compare its ring with.
///
/// It holds no secret: for each key that opens there is a tag, which only who has that very key
/// can make or check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetRow {
    pub(super) epoch: u64,
    pub(super) sealing: Kid,
    pub(super) opening: Vec<(Kid, Tag)>,
    pub(super) revoked: Vec<Kid>,
    pub(super) writer: String,
    pub(super) written: Timestamp,
}

/// The bytes of a row are not a [`FleetRow`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowError {
    /// It has this many bytes, and 64 KiB are the most.
    #[error("it has {0} bytes, and {LARGEST} are the most")]
    TooLarge(usize),
    /// It is not JSON, or lacks a member.
    #[error("it is not the JSON object that it should be (line {line}, column {column})")]
    NotARow {
        /// Where reading it failed, from 1 on.
        line: usize,
        /// Where in that line, from 1 on.
        column: usize,
    },
    /// A member is not of the right form.
    #[error("its member {0} is not of the right form")]
    Member(&'static str),
    /// A key is in it twice.
    #[error("the key {0} is in it twice")]
    Duplicate(Kid),
    /// The key that seals is not among those that open.
    #[error("the key that seals, {0}, is not among those that open")]
    SealingKeyMissing(Kid),
}

/// The row as it is written. Members that a later version adds are passed over.
#[derive(Serialize, Deserialize)]
struct Text {
    epoch: u64,
    sealing: String,
    opening: Vec<TaggedText>,
    revoked: Vec<String>,
    writer: String,
    written: String,
}

#[derive(Serialize, Deserialize)]
struct TaggedText {
    kid: String,
    tag: String,
}

impl FleetRow {
    /// What stands in the place of a row that was taken back. The store contract has no way to
    /// remove a row; whoever finds this treats it as none, and may claim it.
    pub const RESET: &'static [u8] = b"null";

    /// Whether the bytes of a row say that it was taken back.
    #[must_use]
    pub fn is_reset(bytes: &[u8]) -> bool {
        bytes == Self::RESET
    }

    /// What `ring` has at `now`. `writer` is the instance that says so.
    #[must_use]
    pub fn of(ring: &Ring, app: &str, writer: &str, now: Timestamp) -> Self {
        let opens = |key: &&Scheduled<RingKey>| ring.check_opening(key.kid, now).is_ok();
        let tagged = |key: &Scheduled<RingKey>| (key.kid, tag(key, app, ring.epoch()));
        Self {
            epoch: ring.epoch(),
            sealing: ring.sealing_kid(now),
            opening: ring.live().filter(opens).map(tagged).collect(),
            revoked: ring.revoked_kids().to_vec(),
            writer: writer.to_owned(),
            written: now,
        }
    }

    /// Reads a row, whoever wrote it.
    ///
    /// # Errors
    ///
    /// The bytes are not a row.
    pub fn parse(bytes: &[u8]) -> Result<Self, RowError> {
        if bytes.len() > LARGEST {
            return Err(RowError::TooLarge(bytes.len()));
        }
        // The reader's own message could quote the row at any length.
        let text: Text = serde_json::from_slice(bytes).map_err(|error| RowError::NotARow {
            line: error.line(),
            column: error.column(),
        })?;
        let row = Self::read(&text)?;
        row.check()?;
        Ok(row)
    }

    fn read(text: &Text) -> Result<Self, RowError> {
        let kid = |digits: &String, member| Kid::from_hex(digits).ok_or(RowError::Member(member));
        let tagged = |key: &TaggedText| {
            let tag = hex::decode_lower(&key.tag).ok_or(RowError::Member("tag"))?;
            Ok((kid(&key.kid, "opening")?, tag))
        };
        let revoked = text.revoked.iter().map(|digits| kid(digits, "revoked"));
        let legible =
            text.writer.len() <= LONGEST_WRITER && !text.writer.contains(char::is_control);
        if !legible {
            return Err(RowError::Member("writer"));
        }
        Ok(Self {
            epoch: text.epoch,
            sealing: kid(&text.sealing, "sealing")?,
            opening: text.opening.iter().map(tagged).collect::<Result<_, _>>()?,
            revoked: revoked.collect::<Result<_, _>>()?,
            writer: text.writer.clone(),
            written: parse_date(&text.written).ok_or(RowError::Member("written"))?,
        })
    }

    fn check(&self) -> Result<(), RowError> {
        let mut kids: Vec<Kid> = self.kids().chain(self.revoked.iter().copied()).collect();
        kids.sort_unstable();
        if let Some(pair) = kids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(RowError::Duplicate(pair[0]));
        }
        if !self.lists(self.sealing) {
            return Err(RowError::SealingKeyMissing(self.sealing));
        }
        Ok(())
    }

    /// The row as the store keeps it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let tagged = |(kid, tag): &(Kid, Tag)| TaggedText {
            kid: kid.to_string(),
            tag: Hex(tag).to_string(),
        };
        let text = Text {
            epoch: self.epoch,
            sealing: self.sealing.to_string(),
            opening: self.opening.iter().map(tagged).collect(),
            revoked: self.revoked.iter().map(Kid::to_string).collect(),
            writer: self.writer.clone(),
            written: format_date(self.written),
        };
        // Strings and numbers under names that are text: there is nothing that could fail.
        serde_json::to_vec(&text).unwrap_or_default()
    }

    /// The epoch of the ring; 0 for a ring that has none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing(&self) -> Kid {
        self.sealing
    }

    /// The keys that may open, the one that seals among them.
    pub fn opening(&self) -> impl Iterator<Item = Kid> {
        self.kids()
    }

    /// The keys that open nothing any more.
    #[must_use]
    pub fn revoked(&self) -> &[Kid] {
        &self.revoked
    }

    /// The instance that wrote the row.
    #[must_use]
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// When the row was written, by the writer's clock.
    #[must_use]
    pub fn written(&self) -> Timestamp {
        self.written
    }

    /// What `ring` is to this row of `app` at `now`.
    #[must_use]
    pub fn compare(&self, ring: &Ring, app: &str, now: Timestamp) -> Verdict {
        judge(ring, app, self, now)
    }

    /// Whether `kid` is a key that may open.
    pub(crate) fn lists(&self, kid: Kid) -> bool {
        self.kids().any(|listed| listed == kid)
    }

    pub(super) fn revokes(&self, kid: Kid) -> bool {
        self.revoked.contains(&kid)
    }

    pub(super) fn kids(&self) -> impl Iterator<Item = Kid> {
        self.opening.iter().map(|(kid, _)| *kid)
    }

    /// Whether the tag of a key that a ring holds shows that the writer of this row held it too.
    pub(super) fn is_proved_by(&self, key: &Scheduled<RingKey>, app: &str) -> Option<bool> {
        let (_, listed) = self.opening.iter().find(|(kid, _)| *kid == key.kid)?;
        Some(crypto::constant_time_eq(&tag(key, app, self.epoch), listed))
    }
}

/// HMAC-SHA-256(K("fleet") of the key itself, kid‖epoch).
fn tag(key: &Scheduled<RingKey>, app: &str, epoch: u64) -> Tag {
    let path = &["fleet"];
    let derived = key.key.key.derive(&Purpose { app, path });
    let mut message = key.kid.as_bytes().to_vec();
    message.extend_from_slice(&epoch.to_be_bytes());
    HmacSha256::new(derived.as_slice()).tag(&message)
}

#[cfg(test)]
mod tests;
