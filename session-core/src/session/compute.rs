//! Values that are computed from the ones before, and again on newer ones.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read_only::decode;
use super::read_write::{Session, encode};
use crate::error::SessionError;
use crate::values::{self, SessionKey, Step};

impl Session {
    /// Runs `compute`, with no lock held, and notes it to be run again on a newer value.
    pub(super) fn compute<T: Serialize + DeserializeOwned>(
        &self,
        key: impl SessionKey<T>,
        compute: impl Fn(Option<T>) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Option<T>, SessionError> {
        let name = key.name();
        values::check_name(name)?;
        let compute = Arc::new(compute);
        loop {
            let before = self.alter(|_, state| Ok(state.values.get(name)))?;
            let value = before.as_deref().map(|before| decode(name, before));
            let Some(computed) = compute(value.transpose()?) else {
                return Ok(None);
            };
            let encoded = encode(name, &computed)?;
            let step = step(Arc::clone(&compute));
            let unchanged = self.alter(|_, state| {
                let unchanged = state.values.get(name) == before;
                if unchanged {
                    state.values.update(name, step, encoded);
                }
                Ok(unchanged)
            })?;
            if unchanged {
                return Ok(Some(computed));
            }
        }
    }
}

/// A computation as it runs again on a newer value; one that does not decode refuses.
fn step<T: Serialize + DeserializeOwned>(
    compute: Arc<impl Fn(Option<T>) -> Option<T> + Send + Sync + 'static>,
) -> Step {
    Arc::new(move |before| {
        let value = before.map(values::decode).transpose().ok()?;
        values::encode(&compute(value)?).ok()
    })
}
