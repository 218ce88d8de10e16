//! [`FaultyStore`]: a store that fails, lags or hangs when a test says so.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::testing::{Intercept, Intercepted, Operation};
use crate::{SessionStore, StoreError, StoreErrorKind};

/// A store around a store, with faults that a test injects and heals while it runs.
///
/// ```
/// # use session_core::StoreErrorKind;
/// # use session_core::testing::{Fault, FaultyStore, Gate, Operation};
/// # fn example(store: std::sync::Arc<FaultyStore>) {
/// // The next two saves do not happen.
/// store.inject(Fault::error(StoreErrorKind::Unavailable).on(Operation::Save).times(2));
/// // Deletes happen, but their answers are lost.
/// store.inject(Fault::error(StoreErrorKind::TimedOut).on(Operation::Delete).after_effect());
/// // Loads wait until the gate opens.
/// let gate = Gate::default();
/// store.inject(Fault::hold(&gate).on(Operation::Load));
/// gate.open();
/// store.heal();
/// # }
/// ```
pub type FaultyStore = Intercepted<Faults>;

impl FaultyStore {
    /// A store around `inner`, without faults so far.
    #[must_use]
    pub fn wrap(inner: Arc<dyn SessionStore>) -> Arc<Self> {
        let name = inner.name();
        let faults = Faults {
            name,
            plan: Mutex::default(),
        };
        Arc::new(Self::new(inner, faults))
    }

    /// Adds a fault. Of several that apply, the one injected first strikes.
    pub fn inject(&self, fault: Fault) {
        self.hook().plan.lock().push(fault);
    }

    /// Removes all faults. Operations that hang or wait at a gate go on doing so.
    pub fn heal(&self) {
        self.hook().plan.lock().clear();
    }
}

/// The plan of a [`FaultyStore`].
#[derive(Debug)]
pub struct Faults {
    name: &'static str,
    plan: Mutex<Vec<Fault>>,
}

#[async_trait]
impl Intercept for Faults {
    async fn before(&self, operation: Operation) -> Result<(), StoreError> {
        self.strike(operation, Phase::Before).await
    }

    async fn after(&self, operation: Operation) -> Result<(), StoreError> {
        self.strike(operation, Phase::After).await
    }
}

impl Faults {
    async fn strike(&self, operation: Operation, phase: Phase) -> Result<(), StoreError> {
        match self.next(operation, phase) {
            None => Ok(()),
            Some(Effect::Error(kind)) => {
                Err(StoreError::new(kind, self.name, "injected by a test"))
            }
            Some(Effect::Hold(gate)) => {
                gate.pass().await;
                Ok(())
            }
            Some(Effect::Hang) => pending().await,
        }
    }

    fn next(&self, operation: Operation, phase: Phase) -> Option<Effect> {
        let mut plan = self.plan.lock();
        let fault = plan
            .iter_mut()
            .find(|fault| fault.applies(operation, phase))?;
        fault.times -= 1;
        let effect = fault.effect.clone();
        plan.retain(|fault| fault.times > 0);
        Some(effect)
    }
}

/// Something that goes wrong in a [`FaultyStore`]: every time, for every operation and before
/// it takes effect, unless said otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    effect: Effect,
    operation: Option<Operation>,
    phase: Phase,
    times: usize,
}

#[derive(Clone, Debug)]
enum Effect {
    Error(StoreErrorKind),
    Hold(Gate),
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    After,
}

impl Fault {
    /// The operation fails.
    #[must_use]
    pub fn error(kind: StoreErrorKind) -> Self {
        Self::of(Effect::Error(kind))
    }

    /// The operation waits until `gate` is open, and then goes on.
    #[must_use]
    pub fn hold(gate: &Gate) -> Self {
        Self::of(Effect::Hold(gate.clone()))
    }

    /// The operation never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    fn of(effect: Effect) -> Self {
        Self {
            effect,
            operation: None,
            phase: Phase::Before,
            times: usize::MAX,
        }
    }

    /// Only for this operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only the next `count` times.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// After the operation took effect: its answer is lost or late.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.phase = Phase::After;
        self
    }

    fn applies(&self, operation: Operation, phase: Phase) -> bool {
        self.times > 0 && self.phase == phase && self.operation.is_none_or(|only| only == operation)
    }
}

/// Holds operations until it is opened. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<watch::Sender<GateState>>);

#[derive(Clone, Copy, Debug, Default)]
struct GateState {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// Lets everybody through who waits, and everybody who comes later.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Completes when `count` operations have come to the gate since it was made.
    pub async fn arrived(&self, count: usize) {
        self.wait_for(|state| state.arrived >= count).await;
    }

    async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        self.wait_for(|state| state.open).await;
    }

    async fn wait_for(&self, reached: impl FnMut(&GateState) -> bool) {
        let mut states = self.0.subscribe();
        let outcome = states.wait_for(reached).await.map(drop);
        debug_assert!(outcome.is_ok(), "the gate is held by its borrower");
    }
}
