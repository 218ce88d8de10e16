//! What a request did to one key.

use std::sync::Arc;

use bytes::Bytes;

/// Makes the next encoded value from the one before; `None` refuses.
pub(crate) type Step = Arc<dyn Fn(Option<&[u8]>) -> Option<Bytes> + Send + Sync>;

/// What a request did to one key.
pub(super) enum Change {
    /// Nothing; the key may be guarded.
    Unchanged,
    /// It has this value now, whatever was there.
    Put(Bytes),
    /// It is gone, whatever was there.
    Removed,
    /// It was computed from what was there.
    Updated(Update),
}

/// A computation on a stored value, which can be done again on a newer one.
pub(super) struct Update {
    steps: Vec<Step>,
    current: Bytes,
}

impl Change {
    /// The changed value (`Some(None)` if it was removed), or `None` if it did not change.
    pub(super) fn value(&self) -> Option<Option<&Bytes>> {
        match self {
            Self::Unchanged => None,
            Self::Put(value) => Some(Some(value)),
            Self::Removed => Some(None),
            Self::Updated(update) => Some(Some(&update.current)),
        }
    }

    /// Adds a step to a change that computes from the stored value.
    pub(super) fn push_step(&mut self, step: Step, current: Bytes) {
        if let Self::Updated(update) = self {
            update.steps.push(step);
            update.current = current;
        } else {
            let steps = vec![step];
            *self = Self::Updated(Update { steps, current });
        }
    }
}

impl Update {
    /// Runs the steps on another value; `None` if one of them refuses.
    pub(super) fn replay(&mut self, stored: Option<Bytes>) -> Option<()> {
        let replay = |value: Option<Bytes>, step: &Step| step(value.as_deref()).map(Some);
        self.current = self.steps.iter().try_fold(stored, replay)??;
        Some(())
    }
}
