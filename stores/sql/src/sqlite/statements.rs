//! The statements. A write runs in a transaction that nobody writes beside, so it reads a row,
//! decides, and changes the row by its number.

use crate::shared::names::Names;

/// What reading a record selects; `row::loaded` relies on the order.
const RECORD: &str = "revision, idle, expires, principal, labels, content";

/// The text of every statement of a store.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) version: String,
    pub(super) ping: String,
    pub(super) load: String,
    pub(super) list: String,
    pub(super) meta_get: String,
    pub(super) clock: String,
    pub(super) set_clock: String,
    pub(super) head: String,
    pub(super) record: String,
    pub(super) insert: String,
    pub(super) replace: String,
    pub(super) save: String,
    pub(super) save_indexed: String,
    pub(super) touch: String,
    pub(super) lease: String,
    pub(super) tombstone: String,
    pub(super) theirs: String,
    pub(super) sweeper: String,
    pub(super) set_sweeper: String,
    pub(super) due: String,
    pub(super) put_off: String,
    pub(super) remove: String,
    pub(super) meta_add: String,
    pub(super) meta_change: String,
}

impl Statements {
    pub(super) fn new(names: &Names) -> Self {
        let sessions = names.sessions();
        let control = names.control();
        let version = names.version();
        Self {
            version: format!("SELECT version FROM {version}"),
            ping: format!("SELECT 1 FROM {version}"),
            load: format!("SELECT ended, {RECORD} FROM {sessions} WHERE key = ?1"),
            // The header of the canonical bytes has all that a listing shows of them.
            list: format!(
                "SELECT key, revision, expires, labels, substr(content, 1, 17) FROM {sessions} \
                 WHERE principal = ?1 AND key > ?2 AND expires > ?3 AND ended IS NULL \
                 ORDER BY key LIMIT ?4"
            ),
            meta_get: format!("SELECT version, value FROM {control} WHERE name = ?1"),
            clock: format!("SELECT version, clock FROM {version}"),
            set_clock: format!("UPDATE {version} SET clock = ?1"),
            head: format!(
                "SELECT id, revision, ended, idle, expires, ends, due, lease_token, \
                 leased_until, principal FROM {sessions} WHERE key = ?1"
            ),
            record: format!("SELECT {RECORD} FROM {sessions} WHERE id = ?1"),
            insert: format!(
                "INSERT INTO {sessions} (revision, idle, expires, ends, due, lease_token, \
                 principal, labels, content, key) \
                 VALUES (?1, ?2, ?3, ?4, ?3, ?5, ?6, ?7, ?8, ?9)"
            ),
            replace: format!(
                "UPDATE {sessions} SET revision = ?1, idle = ?2, expires = ?3, ends = ?4, \
                 due = ?3, lease_token = ?5, leased_until = NULL, ended = NULL, principal = ?6, \
                 labels = ?7, content = ?8 WHERE key = ?9"
            ),
            save: save(&sessions, ""),
            save_indexed: save(&sessions, ", due = ?9, principal = ?10"),
            touch: format!("UPDATE {sessions} SET expires = ?2 WHERE id = ?1"),
            lease: format!(
                "UPDATE {sessions} SET lease_token = ?2, leased_until = ?3 WHERE id = ?1"
            ),
            tombstone: format!(
                "UPDATE {sessions} SET ended = ?2, expires = ?3, due = ?3, leased_until = NULL, \
                 principal = NULL, labels = x'', content = x'' WHERE id = ?1"
            ),
            theirs: format!(
                "SELECT id, key FROM {sessions} WHERE principal = ?1 AND expires > ?2 \
                 AND ended IS NULL AND key IS NOT ?3 LIMIT ?4"
            ),
            sweeper: format!("SELECT sweeper, sweeping_until FROM {version}"),
            set_sweeper: format!("UPDATE {version} SET sweeper = ?1, sweeping_until = ?2"),
            due: format!(
                "SELECT id, key, expires, principal, ended FROM {sessions} WHERE due <= ?1 \
                 ORDER BY due LIMIT ?2"
            ),
            put_off: format!("UPDATE {sessions} SET due = expires WHERE id = ?1"),
            remove: format!("DELETE FROM {sessions} WHERE id = ?1"),
            meta_add: format!("INSERT INTO {control} (name, version, value) VALUES (?1, 1, ?2)"),
            meta_change: format!(
                "UPDATE {control} SET version = version + 1, value = ?2 WHERE name = ?1"
            ),
        }
    }
}

fn save(sessions: &str, more: &str) -> String {
    format!(
        "UPDATE {sessions} SET revision = ?2, idle = ?3, expires = ?4, ends = ?5, \
         leased_until = ?6, labels = ?7, content = ?8{more} WHERE id = ?1"
    )
}
