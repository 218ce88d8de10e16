//! The conformance suite finds the faults that it is there for: stores that break one clause
//! each fail that clause.

mod harness;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::testing::conformance::{
    self, Harness, Subject, Sweeping, delete, expiry, lease, queue, race, rename, save, touch,
};
use session_core::{
    Acquire, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load, MetaRow,
    MetaSet, Page, Ping, PrincipalKey, Record, Revision, Save, Scope, SessionStore, StoreError,
    StoreKey, Swept, Touch,
};

use self::harness::MemoryHarness;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    UpsertingSave,
    RevivingTouch,
    ForgetfulDelete,
    StaleWrite,
    UnfencedLease,
    LeakyRename,
    SharedLease,
}

#[derive(Debug)]
struct BrokenStore {
    inner: Arc<dyn SessionStore>,
    fault: Fault,
}

const LONG: Lifetime = Lifetime {
    idle: Duration::from_secs(5_000),
    absolute: Duration::from_secs(5_000),
};

impl BrokenStore {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn inner(&self) -> Arc<dyn SessionStore> {
        Arc::clone(&self.inner)
    }

    fn blank() -> Record {
        Record {
            payload: Bytes::new(),
            labels: Bytes::new(),
            principal: None,
            created: session_core::Timestamp::default(),
            deadline: session_core::Timestamp::MAX,
        }
    }
}

#[async_trait]
impl SessionStore for BrokenStore {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        self.inner().create(key, record, lifetime).await
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        match self.inner().load(key).await? {
            Load::Ended(_) if self.has(Fault::ForgetfulDelete) => Ok(Load::Absent),
            load => Ok(load),
        }
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let copy = record.clone();
        let outcome = self
            .inner()
            .save(key, base, record, lifetime, lease)
            .await?;
        match outcome {
            Save::Missing if self.has(Fault::UpsertingSave) => {
                self.inner().create(key, copy, lifetime).await?;
                Ok(Save::Saved(base.next()))
            }
            Save::Stale(theirs) if self.has(Fault::StaleWrite) => {
                let base = theirs.revision;
                self.inner().save(key, base, copy, lifetime, lease).await
            }
            Save::Leased if self.has(Fault::UnfencedLease) && lease != LeaseUse::None => {
                let none = LeaseUse::None;
                self.inner().save(key, base, copy, lifetime, none).await
            }
            outcome => Ok(outcome),
        }
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        let touch = self.inner().touch(key).await?;
        if touch == Touch::Missing && self.has(Fault::RevivingTouch) {
            self.inner().create(key, Self::blank(), LONG).await?;
        }
        Ok(touch)
    }

    async fn rename(
        self: Arc<Self>,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        if self.has(Fault::LeakyRename) {
            self.inner().create(to, record, lifetime).await?;
            return Ok(Save::Saved(base.next()));
        }
        self.inner()
            .rename(from, to, base, record, lifetime, lease)
            .await
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        self.inner().delete(key, reason).await
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        if self.has(Fault::SharedLease)
            && let Load::Found(loaded) = self.inner().load(key).await?
        {
            return Ok(Acquire::Acquired(LeaseToken::new(1), loaded));
        }
        self.inner().acquire(key, lease, wait).await
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        self.inner().extend(key, token, lease).await
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        self.inner().release(key, token).await
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        self.inner().list(principal, after).await
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        self.inner().delete_all(principal, except).await
    }

    async fn sweep(self: Arc<Self>, limit: usize) -> Result<Vec<Swept>, StoreError> {
        self.inner().sweep(limit).await
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        self.inner().meta_get(name).await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        self.inner()
            .meta_compare_and_set(name, expected, value)
            .await
    }

    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        self.inner().ping().await
    }
}

struct BrokenHarness {
    memory: MemoryHarness,
    fault: Fault,
}

#[async_trait]
impl Harness for BrokenHarness {
    async fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(BrokenStore {
            inner: self.memory.store().await,
            fault: self.fault,
        })
    }

    async fn advance(&self, by: Duration) {
        self.memory.advance(by).await;
    }

    fn unit(&self) -> Duration {
        self.memory.unit()
    }

    fn grain(&self) -> Duration {
        self.memory.grain()
    }

    fn rounds(&self) -> usize {
        5
    }

    fn sweeping(&self) -> Sweeping {
        self.memory.sweeping()
    }
}

/// Whether a store with `fault` passes a clause.
async fn passes<Checked>(fault: Fault, clause: fn(Subject) -> Checked) -> bool
where
    Checked: Future<Output = ()> + Send + 'static,
{
    let harness = BrokenHarness {
        memory: MemoryHarness::default(),
        fault,
    };
    let clause = conformance::run("clause", harness, clause);
    tokio::spawn(clause).await.is_ok()
}

macro_rules! catches {
    ($($test:ident: $fault:ident by $($module:ident::$clause:ident),+;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                $(
                    assert!(passes(Fault::None, $module::$clause).await);
                    assert!(!passes(Fault::$fault, $module::$clause).await);
                )+
            }
        )*
    };
}

catches! {
    upserting_save_is_caught: UpsertingSave by save::save_never_creates,
        expiry::expired_takes_no_save;
    reviving_touch_is_caught: RevivingTouch by touch::touch_of_no_session_is_missing,
        expiry::expired_takes_no_touch;
    delete_without_tombstone_is_caught: ForgetfulDelete by delete::delete_leaves_its_reason,
        delete::tombstone_stays_for_a_minute;
    stale_write_is_caught: StaleWrite by save::save_on_a_stale_base_carries_the_current_record,
        race::n02_concurrent_increments_are_all_kept;
    unfenced_lease_is_caught: UnfencedLease by lease::late_write_is_refused;
    leaky_rename_is_caught: LeakyRename by rename::rename_moves_the_session,
        race::rename_is_seen_whole;
    shared_lease_is_caught: SharedLease by lease::lease_excludes_a_second_holder,
        queue::n17_holders_never_overlap;
}
