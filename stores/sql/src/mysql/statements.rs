//! The statements.
//!
//! A write names in its `WHERE` everything that it depends on, so one `UPDATE` compares and
//! swaps, under every isolation level: it locks the row and reads what was committed last. What
//! it found is counted, not what it changed. Only if it found nothing the row is looked at, to
//! say why. That look is a statement of its own and so has a snapshot of its own, never an older
//! one than the write.
//!
//! Times are milliseconds since the Unix epoch on the clock of the database; one statement sees
//! one time. Assignments are right whether the server makes them one after the other or all at
//! once, which depends on its settings.

use std::sync::Arc;

use session_core::{StoreKey, TOMBSTONE};

use crate::shared::length::millis;

/// The database's time.
const NOW: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)";

/// What can be asked without a lease, and what with its token.
#[derive(Debug)]
pub(super) struct Saves {
    pub(super) free: Arc<str>,
    pub(super) hold: Arc<str>,
    pub(super) release: Arc<str>,
}

/// The text of every statement of a store.
#[derive(Debug)]
pub(super) struct Statements {
    table: String,
    pub(super) ping: Arc<str>,
    pub(super) load: Arc<str>,
    pub(super) list: Arc<str>,
    pub(super) create: Arc<str>,
    pub(super) replace: Arc<str>,
    pub(super) save: Saves,
    pub(super) touch: Arc<str>,
    pub(super) delete: Arc<str>,
    pub(super) acquire: Arc<str>,
    pub(super) extend: Arc<str>,
    pub(super) release: Arc<str>,
    pub(super) remove: Arc<str>,
    pub(super) theirs: Arc<str>,
    pub(super) turn: Arc<str>,
    pub(super) due: Arc<str>,
    pub(super) meta_get: Arc<str>,
    pub(super) meta_add: Arc<str>,
    pub(super) meta_set: Arc<str>,
}

impl Statements {
    pub(super) fn new(table: &str) -> Self {
        let sessions = quoted(table, "");
        let control = quoted(table, "_control");
        Self {
            ping: ping().into(),
            load: load(&sessions).into(),
            list: list(&sessions).into(),
            create: create(&sessions).into(),
            replace: replace(&sessions).into(),
            save: Saves {
                free: save(&sessions, UNLEASED, "").into(),
                hold: save(&sessions, &leased(), "").into(),
                release: save(&sessions, &leased(), "leased_until = NULL, ").into(),
            },
            touch: touch(&sessions).into(),
            delete: delete(&sessions).into(),
            acquire: acquire(&sessions).into(),
            extend: lease(&sessions, &format!("{NOW} + ?")).into(),
            release: lease(&sessions, "NULL").into(),
            remove: format!("DELETE FROM {sessions} WHERE `key` = ? AND expires <= {NOW}").into(),
            theirs: theirs(&sessions).into(),
            turn: turn(&quoted(table, "_schema")).into(),
            due: due(&sessions).into(),
            meta_get: format!("SELECT version, value FROM {control} WHERE name = ?").into(),
            meta_add: format!("INSERT INTO {control} (name, version, value) VALUES (?, 1, ?)")
                .into(),
            meta_set: format!(
                "UPDATE {control} SET version = version + 1, value = ? \
                 WHERE name = ? AND version = ?"
            )
            .into(),
            table: sessions,
        }
    }
}

/// A name, which was checked, with a suffix.
pub(super) fn quoted(name: &str, suffix: &str) -> String {
    format!("`{name}{suffix}`")
}

/// The version of the tables, when commits are on the server's disk, and how large a statement
/// may be.
pub(super) fn version(table: &str) -> String {
    format!(
        "SELECT version, @@GLOBAL.innodb_flush_log_at_trx_commit, @@max_allowed_packet FROM {}",
        quoted(table, "_schema")
    )
}

/// What a session that can be used has.
fn live() -> String {
    format!("ended IS NULL AND expires > {NOW}")
}

/// Nobody has the lease.
const UNLEASED: &str = "(leased_until IS NULL OR leased_until <= \
    TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)";

/// The token has the lease.
fn leased() -> String {
    format!("lease_token = ? AND leased_until > {NOW}")
}

/// A read-only server says 1, or ON since there are more values than two.
fn ping() -> String {
    format!(
        "SELECT {NOW}, @@GLOBAL.innodb_read_only \
         OR CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF')"
    )
}

/// All that there is to know of a row; `row::loaded` relies on the order from the revision on.
fn load(sessions: &str) -> String {
    format!(
        "SELECT ended, revision, idle, expires, {NOW}, principal, labels, content, \
         leased_until, lease_token FROM {sessions} WHERE `key` = ? AND expires > {NOW}"
    )
}

/// The header of the canonical bytes has all that a listing shows of them.
fn list(sessions: &str) -> String {
    format!(
        "SELECT `key`, revision, expires, {NOW}, labels, SUBSTRING(content, 1, 17) \
         FROM {sessions} WHERE principal = ? AND `key` > ? AND {} ORDER BY `key` LIMIT ?",
        live()
    )
}

fn create(sessions: &str) -> String {
    format!(
        "INSERT INTO {sessions} \
         (`key`, revision, idle, expires, ends, due, lease_token, principal, labels, content) \
         VALUES (?, 1, ?, {NOW} + ?, {NOW} + ?, {NOW} + ?, 0, ?, ?, ?)"
    )
}

/// A create in the place of an expired session. Nobody still has a lease of it.
fn replace(sessions: &str) -> String {
    format!(
        "UPDATE {sessions} SET revision = 1, idle = ?, expires = {NOW} + ?, ends = {NOW} + ?, \
         due = {NOW} + ?, leased_until = NULL, ended = NULL, principal = ?, labels = ?, \
         content = ? WHERE `key` = ? AND expires <= {NOW}"
    )
}

fn save(sessions: &str, lease: &str, release: &str) -> String {
    format!(
        "UPDATE {sessions} SET revision = revision + 1, idle = ?, \
         due = LEAST(due, ends, {NOW} + ?), expires = LEAST(ends, {NOW} + ?), \
         ends = LEAST(ends, {NOW} + ?), {release}principal = ?, labels = ?, content = ? \
         WHERE `key` = ? AND revision = ? AND {} AND {lease}",
        live()
    )
}

/// `due` stays, so no index changes; a sweep moves it up.
fn touch(sessions: &str) -> String {
    format!(
        "UPDATE {sessions} SET expires = GREATEST(expires, LEAST(ends, {NOW} + idle)) \
         WHERE `key` = ? AND {}",
        live()
    )
}

/// What becomes of a row when its session ends.
fn tombstone(reason: &str) -> String {
    let until = format!("{NOW} + {}", millis(TOMBSTONE));
    format!(
        "ended = {reason}, expires = {until}, due = {until}, leased_until = NULL, \
         principal = NULL, labels = '', content = ''"
    )
}

fn delete(sessions: &str) -> String {
    let tombstone = tombstone("?");
    let live = live();
    format!("UPDATE {sessions} SET {tombstone} WHERE `key` = ? AND {live}")
}

/// The answer to an update brings the number that was passed to `LAST_INSERT_ID`.
fn acquire(sessions: &str) -> String {
    format!(
        "UPDATE {sessions} SET lease_token = LAST_INSERT_ID(lease_token + 1), \
         leased_until = {NOW} + ? WHERE `key` = ? AND {} AND {UNLEASED}",
        live()
    )
}

/// Changes the end of a lease that is held.
fn lease(sessions: &str, until: &str) -> String {
    format!(
        "UPDATE {sessions} SET leased_until = {until} WHERE `key` = ? AND {} AND {}",
        live(),
        leased()
    )
}

/// Some live sessions of a principal.
fn theirs(sessions: &str) -> String {
    format!(
        "SELECT `key` FROM {sessions} WHERE principal = ? AND {} AND NOT (`key` <=> ?) \
         ORDER BY `key` LIMIT 500",
        live()
    )
}

/// Takes the sweeper's lease, or goes on having it.
fn turn(version: &str) -> String {
    format!(
        "UPDATE {version} SET sweeper = ?, sweeping_until = {NOW} + ? \
         WHERE sweeper = ? OR sweeping_until IS NULL OR sweeping_until <= {NOW}"
    )
}

/// What is due, and whether it has expired.
///
/// `due` is never after the expiry: a touch leaves it alone, and the sweep moves it up. So the
/// index on it changes once in a session's idle length instead of with every touch.
fn due(sessions: &str) -> String {
    format!(
        "SELECT `key`, expires <= {NOW} FROM {sessions} WHERE due <= {NOW} ORDER BY due LIMIT ?"
    )
}

/// Skips rows that somebody has locked, on servers that can.
const SKIP_LOCKED: &str = "FOR UPDATE /*!80001 SKIP LOCKED */ /*M!100600 SKIP LOCKED */";

impl Statements {
    /// Several rows by their keys. The hint keeps the server from going through a table that it
    /// takes for small, since it would lock every row on the way.
    fn these(&self, keys: &[StoreKey]) -> (String, String) {
        let keys: Vec<_> = keys.iter().map(|key| literal(key.as_bytes())).collect();
        (
            format!("{} FORCE INDEX (PRIMARY)", self.table),
            format!("`key` IN ({})", keys.join(", ")),
        )
    }

    /// Ends these sessions of a principal.
    pub(super) fn revoke(&self, keys: &[StoreKey], principal: &[u8]) -> String {
        let (table, these) = self.these(keys);
        format!(
            "UPDATE {table} SET {} WHERE {these} AND principal = {} AND {}",
            tombstone("3"),
            literal(principal),
            live()
        )
    }

    /// Puts off those that were extended since they became due.
    pub(super) fn put_off(&self, keys: &[StoreKey]) -> String {
        let (table, these) = self.these(keys);
        format!("UPDATE {table} SET due = expires WHERE {these} AND expires > {NOW}")
    }

    /// Those of the expired that nobody is writing to.
    pub(super) fn unlocked(&self, keys: &[StoreKey]) -> String {
        let (table, these) = self.these(keys);
        format!("SELECT `key` FROM {table} WHERE {these} AND expires <= {NOW} {SKIP_LOCKED}")
    }

    /// Shows and removes what has expired: five statements, of which the third answers.
    pub(super) fn remove_these(&self, keys: &[StoreKey]) -> String {
        let (table, these) = self.these(keys);
        let sessions = &self.table;
        format!(
            "START TRANSACTION; SET @session_now = {NOW}; \
             SELECT `key`, principal, ended IS NULL FROM {table} \
             WHERE {these} AND expires <= @session_now ORDER BY expires FOR UPDATE; \
             DELETE {sessions} FROM {table} WHERE {these} AND expires <= @session_now; COMMIT"
        )
    }

    /// Leaves a tombstone behind and adds the session under its new key: four statements, of
    /// which the second and third count. Nobody sees one without the other, and the new row is
    /// added only if the old one was as it had to be.
    pub(super) fn rename(&self, renaming: &Moved<'_>) -> String {
        let sessions = &self.table;
        let (from, to) = (literal(renaming.from), literal(renaming.to));
        let lease = match renaming.token {
            Some(token) => format!("lease_token = {token} AND leased_until > {NOW}"),
            None => UNLEASED.to_owned(),
        };
        let first = renaming.idle.min(renaming.absolute);
        let principal = renaming.principal.map(literal);
        format!(
            "START TRANSACTION; \
             UPDATE {sessions} SET {tombstone} WHERE `key` = {from} AND revision = {base} \
             AND {live} AND {lease}; \
             INSERT INTO {sessions} \
             (`key`, revision, idle, expires, ends, due, lease_token, principal, labels, content) \
             SELECT {to}, revision + 1, {idle}, {NOW} + {first}, {NOW} + {absolute}, \
             {NOW} + {first}, lease_token, {principal}, {labels}, {content} \
             FROM {sessions} WHERE `key` = {from} AND ROW_COUNT() = 1 FOR UPDATE; COMMIT",
            tombstone = tombstone("1"),
            live = live(),
            base = renaming.base,
            idle = renaming.idle,
            absolute = renaming.absolute,
            principal = principal.as_deref().unwrap_or("NULL"),
            labels = literal(renaming.labels),
            content = literal(&renaming.content),
        )
    }
}

/// What a rename writes.
pub(super) struct Moved<'a> {
    pub(super) from: &'a [u8],
    pub(super) to: &'a [u8],
    pub(super) base: i64,
    pub(super) token: Option<i64>,
    pub(super) idle: i64,
    pub(super) absolute: i64,
    pub(super) principal: Option<&'a [u8]>,
    pub(super) labels: &'a [u8],
    pub(super) content: Vec<u8>,
}

/// Bytes as they stand in a text: digits alone, so nothing in them can end the literal.
fn literal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(3 + 2 * bytes.len());
    text.push_str("x'");
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text.push('\'');
    text
}
