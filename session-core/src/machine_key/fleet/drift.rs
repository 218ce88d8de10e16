//! [`KeyRingDrift`] and [`KeyRingBehind`]: an instance whose keys are not the farm's.

use std::fmt;
use std::sync::Arc;

use super::judge::Difference;
use super::row::{FleetRow, RowError, fleet_row};
use crate::clock::Timestamp;
use crate::machine_key::dates::format_date;
use crate::machine_key::key::Kid;
use crate::machine_key::ring::Ring;

/// This instance's key ring is not that of its farm: with it, sessions of other instances would
/// be lost and theirs would lose ours.
///
/// The message is one line: which keys this instance has and which the farm has, who said so and
/// when, and what to do. Key ids are no secrets. The application should end with it; until it
/// does, whatever needs a session is answered 503.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct KeyRingDrift(Arc<Inner>);

struct Inner {
    app: String,
    store: &'static str,
    place: String,
    epoch: u64,
    sealing: Kid,
    kids: Vec<Kid>,
    fleet_kids: Vec<Kid>,
    drifted: Drifted,
}

/// How a ring was found not to be the farm's.
#[derive(Debug)]
pub(crate) enum Drifted {
    /// The farm's row is of another ring.
    Differs(FleetRow, Difference),
    /// What stands in the place of the row cannot be read.
    Unreadable(RowError),
}

impl Drifted {
    fn kids(&self) -> Vec<Kid> {
        match self {
            Self::Differs(row, _) => row.kids().collect(),
            Self::Unreadable(_) => Vec::new(),
        }
    }
}

/// Whose ring it is, and where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) app: &'a str,
    /// The store's name.
    pub(crate) store: &'static str,
    /// The ring's source, as a person would name it.
    pub(crate) source: &'a str,
}

impl KeyRingDrift {
    pub(crate) fn new(place: Place<'_>, ring: &Ring, now: Timestamp, drifted: Drifted) -> Self {
        Self(Arc::new(Inner {
            app: place.app.to_owned(),
            store: place.store,
            place: place.source.to_owned(),
            epoch: ring.epoch(),
            sealing: ring.sealing_kid(now),
            kids: ring.live().map(|key| key.kid).collect(),
            fleet_kids: drifted.kids(),
            drifted,
        }))
    }

    /// The keys of this instance's ring, without those that are revoked.
    #[must_use]
    pub fn own_kids(&self) -> &[Kid] {
        &self.0.kids
    }

    /// The keys that the farm opens with; none if the farm's row cannot be read.
    #[must_use]
    pub fn fleet_kids(&self) -> &[Kid] {
        &self.0.fleet_kids
    }

    /// The instance that wrote the farm's row, if it can be read.
    #[must_use]
    pub fn writer(&self) -> Option<&str> {
        self.row().map(|row| row.writer.as_str())
    }

    /// When the farm's row was written, if it can be read.
    #[must_use]
    pub fn written(&self) -> Option<Timestamp> {
        self.row().map(|row| row.written)
    }

    fn row(&self) -> Option<&FleetRow> {
        match &self.0.drifted {
            Drifted::Differs(row, _) => Some(row),
            Drifted::Unreadable(_) => None,
        }
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            app, store, place, ..
        } = self;
        let row = fleet_row(app);
        let ours = Keys(self.epoch, self.sealing, &self.kids);
        write!(f, "key ring drift: this instance's ring ({place}: {ours}) ")?;
        match &self.drifted {
            Drifted::Differs(fleet, difference) => {
                let theirs = Keys(fleet.epoch, fleet.sealing, &self.fleet_kids);
                let (writer, written) = (&fleet.writer, format_date(fleet.written));
                write!(
                    f,
                    "is not the fleet's (row {row} of the {store} store, written by {writer} at \
                     {written}: {theirs}): {difference}; give this instance the ring of {writer}, \
                     or, if this ring is the right one, run `sessionctl fleet adopt` with it"
                )
            }
            Drifted::Unreadable(error) => write!(
                f,
                "cannot be compared with the fleet's: row {row} of the {store} store is \
                 unreadable: {error}; look at it with `sessionctl fleet show`, and remove it with \
                 `sessionctl fleet reset`"
            ),
        }
    }
}

/// As `Display`, because this is what a `main` that returns the error prints.
impl fmt::Debug for KeyRingDrift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// This instance's key ring is the farm's, but older: other instances use keys that it does not
/// have yet.
///
/// The instance goes on with the sessions that it can open, and answers 503 where a token is of
/// a newer key. It recovers by itself when its ring is brought up to date.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct KeyRingBehind(Arc<Lag>);

struct Lag {
    place: String,
    epoch: u64,
    missing: Vec<Kid>,
    row: FleetRow,
}

impl KeyRingBehind {
    pub(crate) fn new(place: Place<'_>, ring: &Ring, row: FleetRow) -> Self {
        let held: Vec<Kid> = ring.live().map(|key| key.kid).collect();
        Self(Arc::new(Lag {
            place: place.source.to_owned(),
            epoch: ring.epoch(),
            missing: row.kids().filter(|kid| !held.contains(kid)).collect(),
            row,
        }))
    }

    /// The keys that the farm opens with and this instance does not have.
    #[must_use]
    pub fn missing_kids(&self) -> &[Kid] {
        &self.0.missing
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, epoch, .. } = self;
        let (newer, writer, written) = (self.row.epoch, &self.row.writer, self.row.written);
        write!(
            f,
            "this instance's key ring ({place}: epoch {epoch}) is behind the fleet's (epoch \
             {newer}, written by {writer} at {})",
            format_date(written),
        )?;
        if !self.missing.is_empty() {
            write!(f, " and lacks {}", Kids(&self.missing))?;
        }
        write!(f, "; give this instance the ring of {writer}")
    }
}

impl fmt::Debug for KeyRingBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Keys<'a>(u64, Kid, &'a [Kid]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(epoch, sealing, kids) = self;
        write!(
            f,
            "epoch {epoch}, seals with {sealing}, opens with {}",
            Kids(kids)
        )
    }
}

struct Kids<'a>(&'a [Kid]);

impl fmt::Display for Kids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, kid) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { " " };
            write!(f, "{comma}{kid}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Difference, Drifted, FleetRow, KeyRingBehind, KeyRingDrift, Place, RowError};
    use crate::clock::Timestamp;
    use crate::machine_key::KeyRing;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const PLACE: Place<'_> = Place {
        app: "shop",
        store: "redis",
        source: "/etc/shop/ring.toml",
    };

    #[test]
    fn c44_drift_names_both_rings_the_writer_and_the_way_out_in_one_line() {
        let ours = KeyRing::ephemeral().unwrap().snapshot();
        let theirs = KeyRing::ephemeral().unwrap().snapshot();
        let row = FleetRow::of(&theirs, "shop", "web1", NOW);
        let drifted = Drifted::Differs(row, Difference::SealingKey);
        let drift = KeyRingDrift::new(PLACE, &ours, NOW, drifted);
        let (own, fleet) = (ours.sealing_kid(NOW), theirs.sealing_kid(NOW));
        assert_eq!(drift.own_kids(), [own]);
        assert_eq!(drift.fleet_kids(), [fleet]);
        assert_eq!((drift.writer(), drift.written()), (Some("web1"), Some(NOW)));
        let told = drift.to_string();
        assert_eq!(format!("{drift:?}"), told);
        let words = [
            "key ring drift",
            "/etc/shop/ring.toml",
            &own.to_string(),
            &fleet.to_string(),
            "row fleet/shop of the redis store",
            "written by web1 at 2023-11-14T22:13:20Z",
            "lacks the key that the fleet seals with",
            "sessionctl fleet adopt",
        ];
        for word in words {
            assert!(told.contains(word), "{word:?} is missing: {told}");
        }
        assert_eq!(told.lines().count(), 1);
    }

    #[test]
    fn a_row_that_is_none_is_told_with_its_reason() {
        let ours = KeyRing::ephemeral().unwrap().snapshot();
        let drifted = Drifted::Unreadable(RowError::Member("writer"));
        let drift = KeyRingDrift::new(PLACE, &ours, NOW, drifted);
        assert_eq!((drift.writer(), drift.fleet_kids()), (None, &[][..]));
        let told = drift.to_string();
        assert!(
            told.contains("member writer") && told.contains("fleet reset"),
            "{told}"
        );
    }

    #[test]
    fn c41_an_instance_that_is_behind_names_what_it_lacks() {
        let ours = KeyRing::ephemeral().unwrap().snapshot();
        let theirs = KeyRing::ephemeral().unwrap().snapshot();
        let row = FleetRow::of(&theirs, "shop", "web1", NOW);
        let behind = KeyRingBehind::new(PLACE, &ours, row);
        assert_eq!(behind.missing_kids(), [theirs.sealing_kid(NOW)]);
        let told = behind.to_string();
        assert!(
            told.contains(&theirs.sealing_kid(NOW).to_string()),
            "{told}"
        );
        assert!(
            told.contains("web1") && told.contains("/etc/shop/ring.toml"),
            "{told}"
        );
    }
}
