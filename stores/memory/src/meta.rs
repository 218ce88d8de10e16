//! Control rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;
use session_core::{MetaRow, MetaSet, Revision};

#[derive(Default)]
pub(crate) struct Meta(Mutex<BTreeMap<String, MetaRow>>);

impl Meta {
    pub(crate) fn get(&self, name: &str) -> Option<MetaRow> {
        self.0.lock().get(name).cloned()
    }

    pub(crate) fn compare_and_set(
        &self,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> MetaSet {
        let mut rows = self.0.lock();
        let current = rows.get(&name);
        if current.map(|row| row.version) != expected {
            return MetaSet::Conflict(current.cloned());
        }
        let version = expected.map_or(Revision::FIRST, Revision::next);
        rows.insert(name, MetaRow { value, version });
        MetaSet::Written(version)
    }
}
