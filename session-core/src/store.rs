//! The store contract.

mod error;
mod outcome;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::error::{StoreError, StoreErrorKind};
pub use self::outcome::{
    Acquire, Create, Cursor, Extend, LeaseToken, LeaseUse, Listed, Load, MetaRow, MetaSet, Page,
    Ping, Role, Save, Scope, Swept, Touch,
};
use crate::id::{PrincipalKey, Route, StoreKey};
use crate::record::{EndReason, Lifetime, Record, Revision};

/// Keeps the records of sessions.
///
/// A store knows neither HTTP nor keys nor values: it keeps opaque [`Record`]s under opaque
/// [`StoreKey`]s, and it guarantees the clauses below. The conformance suite
/// (`testing::conformance`, feature `testing`) has a test for each of them.
///
/// # Outcomes and errors
///
/// Absence, conflict and a held lock are outcomes. A [`StoreError`] means that something broke;
/// the caller never learns "absent" from a store that could not be asked.
///
/// # Writes
///
/// Every write is a compare-and-swap: [`save`](Self::save) and [`rename`](Self::rename) name the
/// revision they were based on and happen only if it is still current. There is no blind write
/// and no upsert, so a slow request cannot revive a session that has ended. The revision is 1
/// after [`create`](Self::create), and each save or rename adds exactly one: payloads are sealed
/// with the revision they will get.
///
/// # Ended is not absent
///
/// [`delete`](Self::delete), [`delete_all`](Self::delete_all) and [`rename`](Self::rename) leave
/// a tombstone under the old key, with its reason and without payload, for at least
/// [`TOMBSTONE`]. An expired session leaves none: it is absent. An acknowledged end is as
/// durable as the store is: a crash after the answer does not bring the session back, unless it
/// loses everything together.
///
/// # Time
///
/// Lifetimes travel as durations and the store's clock alone judges: an expired record is
/// absent from the moment of its expiry, swept or not. No operation but a save or rename that
/// asks for it moves an expiry to an earlier time, and no [`touch`](Self::touch) or save moves
/// it past the absolute deadline that the record was created or renamed with.
///
/// # Leases
///
/// A lease is a lock with an end. It has a [`LeaseToken`] that grows with every lease of the
/// same session. Readers never wait for one. A save or rename without the token of the current
/// lease is answered [`Save::Leased`]; so is one with a token whose lease has run out or was
/// given to somebody else, so a paused holder cannot overwrite its successor.
/// [`touch`](Self::touch) ignores leases, [`delete`](Self::delete) breaks them.
///
/// # Cancellation
///
/// Operations take `self: Arc<Self>` and owned arguments, so their futures are `'static`: the
/// engine polls one in place and moves it to a task of its own when it is pending. An operation
/// that has begun runs to its end even if the request that asked is gone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "pass an `Arc` of a store such as `MemoryStore`, or implement `SessionStore` for it"
)]
#[async_trait]
pub trait SessionStore: Debug + Send + Sync + 'static {
    /// The store's short name for logs, errors and metrics: `memory`, `redis`.
    fn name(&self) -> &'static str;

    /// Who else can see the records. Decides whether payloads are sealed and which key rings
    /// are accepted.
    fn scope(&self) -> Scope;

    /// The number of the endpoint that keeps the sessions of `route`; each endpoint has a
    /// circuit breaker of its own. A store with one endpoint need not say anything.
    fn endpoint(&self, route: Route) -> u16 {
        let _ = route;
        0
    }

    /// Adds a record under a fresh key. If the key is taken, by a live record or by a tombstone,
    /// nothing changes.
    ///
    /// # Errors
    /// The system failed; [`StoreErrorKind::Full`] and [`StoreErrorKind::TooLarge`] at a cap.
    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError>;

    /// Reads a record in one round trip. Does not extend its life, does not wait for a lease.
    ///
    /// # Errors
    /// The system failed.
    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError>;

    /// Replaces the record if `base` is the current revision. The expiry becomes now plus
    /// `lifetime.idle`, at most the absolute deadline that the store keeps (which
    /// `lifetime.absolute` may lower and never raise), and the idle length is kept anew.
    ///
    /// [`Save::Stale`] carries the current record, so a merge costs no extra load. The checks
    /// come in the order missing or ended, leased, stale.
    ///
    /// # Errors
    /// The system failed; [`StoreErrorKind::Full`] and [`StoreErrorKind::TooLarge`] at a cap,
    /// with the old record kept.
    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError>;

    /// Slides the expiry to now plus the idle length that the store keeps, at most to the
    /// absolute deadline. Only ever extends. Changes neither record nor revision.
    ///
    /// # Errors
    /// The system failed.
    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError>;

    /// Moves the session from `from` to the fresh key `to` in one atomic step: the record is
    /// replaced, a tombstone ([`EndReason::Renewed`]) stays under `from`, a lease ends. Outcomes
    /// as for [`save`](Self::save), and [`LeaseUse::Hold`] counts as [`LeaseUse::Release`].
    /// `lifetime` is taken as it is: a new login starts a new absolute deadline. `to` has the
    /// route of `from`.
    ///
    /// # Errors
    /// The system failed, or `to` is taken or on another route ([`StoreErrorKind::Other`]);
    /// nothing was changed.
    async fn rename(
        self: Arc<Self>,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError>;

    /// Ends a session, whatever its revision, breaking any lease; whoever waits for the lease
    /// is answered [`Acquire::Ended`]. `true` if there was a live session. Idempotent: a second
    /// delete keeps the first reason.
    ///
    /// # Errors
    /// The system failed.
    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError>;

    /// Takes the session's lease for `lease`, waiting for it up to `wait`, and loads the record
    /// in the same step. Waiters are served in order of arrival where the backend can.
    ///
    /// # Errors
    /// The system failed.
    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError>;

    /// Extends a lease to `lease` from now, if `token` still holds it.
    ///
    /// # Errors
    /// The system failed.
    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError>;

    /// Gives a lease back. `false`, and nothing changes, if `token` does not hold it any more.
    ///
    /// # Errors
    /// The system failed.
    async fn release(self: Arc<Self>, key: StoreKey, token: LeaseToken)
    -> Result<bool, StoreError>;

    /// Lists the live sessions of a principal, a page at a time, starting after `after`. Every
    /// session that is live under the same key during the whole listing appears exactly once.
    ///
    /// # Errors
    /// The system failed.
    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError>;

    /// Ends all sessions of a principal but `except`, as [`delete`](Self::delete) with
    /// [`EndReason::Revoked`] would, and returns how many. Goes round until a pass finds
    /// nothing, so a session that is renewed meanwhile does not escape; a session that is
    /// created after the call began may.
    ///
    /// # Errors
    /// The system failed; some sessions may have been ended.
    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError>;

    /// Removes up to `limit` expired sessions and returns those that it removed, oldest first.
    /// Never removes one that was extended meanwhile. Empty on a backend that expires by itself;
    /// a store may also make room with expired sessions that no sweep then returns.
    ///
    /// # Errors
    /// The system failed.
    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError>;

    /// Reads a control row. Rows have no end of life.
    ///
    /// # Errors
    /// The system failed.
    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError>;

    /// Writes a control row if its version is still `expected` (`None`: if there is no such
    /// row).
    ///
    /// # Errors
    /// The system failed.
    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError>;

    /// Asks whether the store is there and takes writes.
    ///
    /// # Errors
    /// The system failed.
    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError>;
}

/// How long, at least, a tombstone stays.
pub const TOMBSTONE: Duration = Duration::from_secs(60);
