//! Proving that this process's ring is its farm's, before the first session is served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::refresh::{PAUSE, Readings};
use super::{Engine, fleet};
use crate::error::SessionError;
use crate::machine_key::{
    Difference, Drifted, FleetRow, KeyRingBehind, KeyRingDrift, Kid, Place, RowError, Verdict,
    fleet_row, judge,
};
use crate::record::Revision;
use crate::store::{MetaRow, MetaSet, StoreError, StoreErrorKind};

/// How often the row is read again because others write it at the same time.
const ROUNDS: usize = 16;

/// How long after an attempt that failed requests do not make another one.
const RETRY: Duration = Duration::from_secs(1);

/// Why the ring could not be proved to be the farm's.
#[derive(Debug)]
pub(super) enum Unproved {
    /// The store could not be asked.
    Store(StoreError),
    /// It is another ring.
    Drift(KeyRingDrift),
}

impl From<Unproved> for SessionError {
    fn from(unproved: Unproved) -> Self {
        match unproved {
            Unproved::Store(error) => error.into(),
            Unproved::Drift(drift) => fleet::drifted(drift),
        }
    }
}

/// The farm's row, and what this ring is to it.
#[derive(Debug)]
pub(super) struct Compared {
    row: FleetRow,
    verdict: Verdict,
}

/// What stands in the place of the row.
enum Found {
    Nothing {
        /// Whether this instance may write the row.
        is_free: bool,
    },
    Unreadable(RowError),
    Row(Compared),
}

impl Compared {
    /// Whether the farm opens with `kid` and this ring is too old to have it.
    pub(super) fn is_ahead_with(&self, kid: Kid) -> bool {
        matches!(self.verdict, Verdict::RowIsNewer | Verdict::Lagging) && self.row.lists(kid)
    }

    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

impl Found {
    /// Whether a ring that was read again might be found to be something else.
    fn wants_ring(&self) -> bool {
        match self {
            Self::Nothing { .. } | Self::Unreadable(_) => false,
            Self::Row(compared) => matches!(
                compared.verdict,
                Verdict::RowIsNewer | Verdict::Lagging | Verdict::Drift(_)
            ),
        }
    }

    /// Whether the row is to be written. Of rings without epochs that differ, the one that
    /// starts last is the one that was deployed last.
    fn wants_row(&self, starting: bool) -> bool {
        match self {
            Self::Nothing { is_free } => *is_free,
            Self::Unreadable(_) => false,
            Self::Row(compared) => match compared.verdict {
                Verdict::RingIsNewer => true,
                Verdict::OtherList => starting,
                _ => false,
            },
        }
    }
}

impl Engine {
    /// Whether sessions may be served; costs one load of an atomic.
    pub(super) fn is_proved(&self) -> bool {
        self.inner.fleet.is_proved()
    }

    /// Proves the ring for a request. One request at a time asks the store, and after a failure
    /// the others are answered at once for a while.
    pub(super) async fn prove_for_request(&self) -> Result<(), SessionError> {
        if let Some(refusal) = self.inner.fleet.refusal(self.monotonic()) {
            return Err(refusal);
        }
        self.prove(true).await?;
        if self.inner.fleet.heartbeats.claim_first() {
            let engine = self.clone();
            self.spawn(async move { engine.beat().await });
        }
        Ok(())
    }

    /// Proves the ring unless that was done; `patient` does not try so soon after a failure.
    /// Runs to its end even if the caller is dropped.
    pub(super) async fn prove(&self, patient: bool) -> Result<(), Unproved> {
        let deadline = self.config().operation_timeout();
        let engine = self.clone();
        let proving = async move { engine.prove_in_turn(patient).await };
        let proved = self.detached(deadline, Box::pin(proving)).await;
        proved.unwrap_or_else(|error| Err(self.note_failure(error)))
    }

    async fn prove_in_turn(&self, patient: bool) -> Result<(), Unproved> {
        let fleet = &self.inner.fleet;
        let mut readings = self.inner.refresher.readings.lock().await;
        // Somebody else may have proved it, or failed to, meanwhile.
        if self.is_proved() {
            return Ok(());
        }
        if patient && fleet.refusal(self.monotonic()).is_some() {
            return Err(self.paused());
        }
        let compared = self.compare(&mut readings, false).await;
        compared.map_err(|error| self.note_failure(error))?;
        match fleet.drift() {
            None => Ok(()),
            Some(drift) => {
                fleet.pause(self.monotonic() + PAUSE, String::new());
                Err(Unproved::Drift(drift))
            }
        }
    }

    /// What whoever failed meanwhile was told.
    fn paused(&self) -> Unproved {
        let message = "the fleet's row could not be read a moment ago".to_owned();
        match self.inner.fleet.drift() {
            Some(drift) => Unproved::Drift(drift),
            None => Unproved::Store(self.failure(StoreErrorKind::Unavailable, message)),
        }
    }

    fn note_failure(&self, error: StoreError) -> Unproved {
        let reason = format!("the key ring is not proved yet, and a moment ago: {error}");
        self.inner.fleet.pause(self.monotonic() + RETRY, reason);
        Unproved::Store(error)
    }

    /// Compares this ring with the farm's row, which is written if the ring is newer. Before the
    /// ring is found wanting it is read again, unless it was just now.
    pub(super) async fn compare(
        &self,
        readings: &mut Readings,
        mut just_read: bool,
    ) -> Result<(), StoreError> {
        let mut current = match self.read_row().await {
            Err(error) if error.kind() == StoreErrorKind::Unsupported => {
                tracing::warn!(%error, "the store keeps no control rows: key drift goes unnoticed");
                self.inner.fleet.go_without_rows();
                return Ok(());
            }
            current => current?,
        };
        let starting = !self.inner.fleet.was_proved();
        for _ in 0..ROUNDS {
            let found = self.look(current.as_ref());
            if found.wants_ring() && !just_read {
                just_read = true;
                self.read_ring(readings).await;
            } else if found.wants_row(starting) {
                let version = current.as_ref().map(|row| row.version);
                current = self.write_row(version).await?;
            } else {
                self.conclude(found, starting, readings);
                return Ok(());
            }
        }
        let message = "others wrote the fleet's row all the time".to_owned();
        Err(self.failure(StoreErrorKind::Unavailable, message))
    }

    async fn read_row(&self) -> Result<Option<MetaRow>, StoreError> {
        let name = fleet_row(self.config().app());
        self.ask(Arc::clone(&self.inner.store).meta_get(name)).await
    }

    /// Writes the row if it is still of `version`, and gives the row that is there then.
    async fn write_row(&self, version: Option<Revision>) -> Result<Option<MetaRow>, StoreError> {
        let app = self.config().app();
        let ring = self.key_ring().snapshot();
        let row = FleetRow::of(
            &ring,
            app,
            self.inner.fleet.heartbeats.instance(),
            self.now(),
        );
        let value = Bytes::from(row.render());
        let store = Arc::clone(&self.inner.store);
        let writing = store.meta_compare_and_set(fleet_row(app), version, value.clone());
        Ok(match self.ask(writing).await? {
            MetaSet::Written(version) => {
                tracing::info!(epoch = ring.epoch(), "the fleet's row was written");
                Some(MetaRow { value, version })
            }
            MetaSet::Conflict(newer) => newer,
        })
    }

    fn look(&self, current: Option<&MetaRow>) -> Found {
        let Some(current) = current else {
            let is_free = self.inner.fleet.may_claim(self.monotonic());
            return Found::Nothing { is_free };
        };
        // Somebody has decided that the next instance shall have it.
        if FleetRow::is_reset(&current.value) {
            return Found::Nothing { is_free: true };
        }
        match FleetRow::parse(&current.value) {
            Err(error) => Found::Unreadable(error),
            Ok(row) => {
                let ring = self.key_ring().snapshot();
                let verdict = judge(&ring, self.config().app(), &row, self.now());
                Found::Row(Compared { row, verdict })
            }
        }
    }

    /// Acts on what was found in the end.
    fn conclude(&self, found: Found, starting: bool, readings: &mut Readings) {
        let fleet = &self.inner.fleet;
        let compared = match found {
            Found::Nothing { .. } => return,
            Found::Unreadable(error) if starting => {
                return fleet.refuse(self.drift(Drifted::Unreadable(error)));
            }
            // A later version may write rows that this one cannot read, while a farm is upgraded.
            Found::Unreadable(error) => {
                return tracing::error!(%error, "the fleet's row is unreadable and was passed over");
            }
            Found::Row(compared) => compared,
        };
        let row = &compared.row;
        match compared.verdict {
            Verdict::InStep | Verdict::RingIsNewer | Verdict::OtherList => fleet.accept(None),
            Verdict::RowIsNewer => {
                if readings.is_news(&compared) {
                    let behind = self.behind(row);
                    tracing::warn!("{behind}, before it seals with a newer key");
                }
                // What a token has shown holds until the ring is up to date.
                fleet.accept(fleet.behind());
            }
            Verdict::Lagging if starting => {
                let differs = Drifted::Differs(row.clone(), Difference::SealingKey);
                fleet.refuse(self.drift(differs));
            }
            Verdict::Lagging => fleet.accept(Some(self.behind(row))),
            Verdict::Drift(difference) => {
                fleet.refuse(self.drift(Drifted::Differs(row.clone(), difference)));
            }
        }
        readings.note_row(compared);
    }

    fn drift(&self, drifted: Drifted) -> KeyRingDrift {
        let ring = self.key_ring();
        let source = ring.source();
        KeyRingDrift::new(self.place(&source), &ring.snapshot(), self.now(), drifted)
    }

    fn behind(&self, row: &FleetRow) -> KeyRingBehind {
        let ring = self.key_ring();
        let source = ring.source();
        KeyRingBehind::new(self.place(&source), &ring.snapshot(), row.clone())
    }

    fn place<'a>(&'a self, source: &'a str) -> Place<'a> {
        Place {
            app: self.config().app(),
            store: self.inner.store.name(),
            source,
        }
    }

    /// Notes that a token has shown this ring to be behind the farm's.
    pub(super) fn fall_behind(&self, compared: &Compared) -> KeyRingBehind {
        let behind = self.behind(&compared.row);
        self.inner.fleet.accept(Some(behind.clone()));
        behind
    }
}
