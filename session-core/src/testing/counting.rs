//! [`CountingStore`]: how many operations a piece of code costs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::testing::{Intercept, Intercepted, Operation};
use crate::{SessionStore, StoreError};

/// A store that counts the operations asked of the store inside, those that fail included.
pub type CountingStore = Intercepted<Counts>;

/// The counters of a [`CountingStore`].
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; Operation::ALL.len()]);

#[async_trait]
impl Intercept for Counts {
    async fn before(&self, operation: Operation) -> Result<(), StoreError> {
        self.counter(operation).fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn after(&self, _operation: Operation) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Counts {
    fn counter(&self, operation: Operation) -> &AtomicU64 {
        &self.0[operation as usize]
    }
}

impl CountingStore {
    /// A counting store around `inner`.
    #[must_use]
    pub fn wrap(inner: Arc<dyn SessionStore>) -> Arc<Self> {
        Arc::new(Self::new(inner, Counts::default()))
    }

    /// How often `operation` was asked for.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.hook().counter(operation).load(Ordering::Relaxed)
    }

    /// How often each operation was asked for, by name; those never asked for are left out.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        Operation::ALL
            .iter()
            .map(|operation| (operation.as_str(), self.count(*operation)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// How many operations were asked for.
    #[must_use]
    pub fn total(&self) -> u64 {
        Operation::ALL
            .iter()
            .map(|operation| self.count(*operation))
            .sum()
    }

    /// Sets all counts to zero.
    pub fn reset(&self) {
        for operation in Operation::ALL {
            self.hook().counter(*operation).store(0, Ordering::Relaxed);
        }
    }
}
