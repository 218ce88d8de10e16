//! The statements, one for each operation of the contract.
//!
//! A write that depends on the row locks it first, in a `SELECT … FOR UPDATE` that the update
//! then joins. The lock waits for a writer that came before and reads what it left; a plain
//! select beside the update would show the row as it was when the statement began, and a stale
//! writer would be handed its own revision again and again. Rows are locked in the order of
//! their keys, so two statements over many rows never wait for each other in a circle.

use session_core::TOMBSTONE;

use crate::shared::length::millis;
use crate::shared::names::Names;

/// The verdicts on a save or rename, in the order in which they are checked.
pub(super) const MISSING: i32 = 0;
pub(super) const ENDED: i32 = 1;
pub(super) const LEASED: i32 = 2;
pub(super) const STALE: i32 = 3;
/// Nothing stands in the way.
pub(super) const FREE: i32 = 4;
/// It was done.
pub(super) const DONE: i32 = 5;

/// What reading a record selects; `row::loaded` relies on the order.
const RECORD: &str = "revision, idle, expires, statement_timestamp(), principal, labels, content";

const LIVE: &str = "s.expires > statement_timestamp() AND s.ended IS NULL";

/// The text of every statement of a store.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) ping: String,
    pub(super) load: String,
    pub(super) list: String,
    pub(super) meta_get: String,
    pub(super) create: String,
    pub(super) save: String,
    pub(super) touch: String,
    pub(super) delete: String,
    pub(super) rename: String,
    pub(super) acquire: String,
    pub(super) extend: String,
    pub(super) release: String,
    pub(super) delete_all: String,
    pub(super) sweep: String,
    pub(super) meta_set: String,
}

impl Statements {
    pub(super) fn new(names: &Names) -> Self {
        let sessions = names.sessions();
        let control = names.control();
        let version = names.version();
        Self {
            ping: "SELECT statement_timestamp(), pg_is_in_recovery() \
                   OR current_setting('transaction_read_only')::bool"
                .to_owned(),
            load: load(&sessions),
            list: list(&sessions),
            meta_get: format!("SELECT version, value FROM {control} WHERE name = $1"),
            create: create(&sessions),
            save: save(&sessions),
            touch: touch(&sessions),
            delete: delete(&sessions),
            rename: rename(&sessions),
            acquire: acquire(&sessions),
            extend: lease(&sessions, &after("$3::int8")),
            release: lease(&sessions, "NULL"),
            delete_all: delete_all(&sessions),
            sweep: sweep(&sessions, &version),
            meta_set: meta_set(&control),
        }
    }
}

/// The version of the schema that is installed.
pub(super) fn version(table: &str) -> String {
    format!("SELECT version FROM {table}")
}

/// The database's time plus so many milliseconds.
fn after(millis: &str) -> String {
    format!("statement_timestamp() + {millis} * interval '1 ms'")
}

fn load(sessions: &str) -> String {
    format!(
        "SELECT ended, {RECORD} FROM {sessions} \
         WHERE key = $1 AND expires > statement_timestamp()"
    )
}

/// The header of the canonical bytes has all that a listing shows of them.
fn list(sessions: &str) -> String {
    format!(
        "SELECT s.key, s.revision, s.expires, statement_timestamp(), s.labels, \
         substring(s.content FOR 17) \
         FROM {sessions} s WHERE s.principal = $1 AND s.key > $2 AND {LIVE} \
         ORDER BY s.key LIMIT $3"
    )
}

fn create(sessions: &str) -> String {
    let ends = after("i.absolute");
    let expires = format!("LEAST({}, {ends})", after("i.idle"));
    format!(
        "INSERT INTO {sessions} AS s \
         (key, revision, idle, expires, ends, due, lease_token, principal, labels, content) \
         SELECT i.key, 1, i.idle, {expires}, {ends}, {expires}, 0, \
         i.principal, i.labels, i.content \
         FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::bytea[], $5::bytea[], $6::bytea[]) \
         AS i(key, idle, absolute, principal, labels, content) ORDER BY i.key \
         ON CONFLICT (key) DO UPDATE SET {REPLACED} \
         WHERE s.expires <= statement_timestamp() RETURNING s.key"
    )
}

/// A fresh record in the place of one that has expired. The tokens of its leases go on growing.
const REPLACED: &str = "revision = excluded.revision, idle = excluded.idle, \
     expires = excluded.expires, ends = excluded.ends, due = excluded.due, leased_until = NULL, \
     ended = NULL, principal = excluded.principal, labels = excluded.labels, \
     content = excluded.content";

/// The verdict on a write with the base `base` and the lease token `token`.
fn verdict(base: &str, token: &str) -> String {
    format!(
        "CASE WHEN s.expires <= statement_timestamp() THEN {MISSING} \
         WHEN s.ended IS NOT NULL THEN {ENDED} \
         WHEN {token} IS NULL AND s.leased_until > statement_timestamp() THEN {LEASED} \
         WHEN {token} IS NOT NULL AND (s.leased_until > statement_timestamp() \
         AND s.lease_token = {token}) IS NOT TRUE THEN {LEASED} \
         WHEN s.revision <> {base} THEN {STALE} ELSE {FREE} END AS verdict"
    )
}

/// Of a row that is locked, what a verdict other than "free" shows; the content only of a stale
/// one.
fn shown() -> String {
    let stale = |column: &str| format!("CASE WHEN verdict = {STALE} THEN {column} END");
    format!(
        "verdict, ended, revision, idle, expires, statement_timestamp(), {}, {}, {}",
        stale("principal"),
        stale("labels"),
        stale("content")
    )
}

fn save(sessions: &str) -> String {
    let ends = format!("LEAST(s.ends, {})", after("cur.i_absolute"));
    let expires = format!("LEAST({ends}, {})", after("cur.i_idle"));
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT i.*, s.key, s.revision, s.idle, s.expires, s.ended, s.principal, s.labels, \
         s.content, {verdict} \
         FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bool[], \
         $7::bytea[], $8::bytea[], $9::bytea[]) WITH ORDINALITY AS \
         i(i_key, i_base, i_idle, i_absolute, i_token, i_release, i_principal, i_labels, \
         i_content, n) \
         JOIN {sessions} s ON s.key = i.i_key ORDER BY s.key FOR UPDATE OF s\
         ), done AS (\
         UPDATE {sessions} s SET revision = cur.revision + 1, idle = cur.i_idle, ends = {ends}, \
         expires = {expires}, due = LEAST(s.due, {expires}), \
         leased_until = CASE WHEN cur.i_release THEN NULL ELSE s.leased_until END, \
         principal = cur.i_principal, labels = cur.i_labels, content = cur.i_content \
         FROM cur WHERE s.key = cur.key AND cur.verdict = {FREE} RETURNING cur.n\
         ) SELECT n, {shown} FROM cur \
         UNION ALL SELECT n, {DONE}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM done",
        verdict = verdict("i.i_base", "i.i_token"),
        shown = shown(),
    )
}

fn touch(sessions: &str) -> String {
    let slid = format!("LEAST(s.ends, {})", after("s.idle"));
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT i.n, s.key, s.expires, {slid} AS slid \
         FROM unnest($1::bytea[]) WITH ORDINALITY AS i(key, n) \
         JOIN {sessions} s ON s.key = i.key WHERE {LIVE} ORDER BY s.key FOR UPDATE OF s\
         ), done AS (\
         UPDATE {sessions} s SET expires = cur.slid FROM cur \
         WHERE s.key = cur.key AND cur.slid > s.expires\
         ) SELECT n FROM cur"
    )
}

/// What becomes of a row when its session ends.
fn tombstone(reason: &str) -> String {
    let until = after(&millis(TOMBSTONE).to_string());
    format!(
        "ended = {reason}, expires = {until}, due = {until}, leased_until = NULL, \
         principal = NULL, labels = '', content = ''"
    )
}

fn delete(sessions: &str) -> String {
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT i.n, i.reason, s.key \
         FROM unnest($1::bytea[], $2::int2[]) WITH ORDINALITY AS i(key, reason, n) \
         JOIN {sessions} s ON s.key = i.key WHERE {LIVE} ORDER BY s.key FOR UPDATE OF s\
         ) UPDATE {sessions} s SET {} FROM cur WHERE s.key = cur.key RETURNING cur.n",
        tombstone("cur.reason")
    )
}

/// Moved and left behind in one statement. If the new key is taken nothing is inserted, and
/// then nothing is left behind either.
fn rename(sessions: &str) -> String {
    let ends = after("$6::int8");
    let expires = format!("LEAST({}, {ends})", after("$5::int8"));
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT s.key, s.revision, s.idle, s.expires, s.ended, s.principal, s.labels, \
         s.content, s.lease_token, {verdict} FROM {sessions} s WHERE s.key = $1 FOR UPDATE\
         ), moved AS (\
         INSERT INTO {sessions} AS s \
         (key, revision, idle, expires, ends, due, lease_token, principal, labels, content) \
         SELECT $2, cur.revision + 1, $5::int8, {expires}, {ends}, {expires}, cur.lease_token, \
         $7::bytea, $8::bytea, $9::bytea FROM cur WHERE cur.verdict = {FREE} \
         ON CONFLICT (key) DO UPDATE SET {REPLACED} \
         WHERE s.expires <= statement_timestamp() RETURNING s.key\
         ), behind AS (\
         UPDATE {sessions} s SET {tombstone} FROM cur, moved \
         WHERE s.key = cur.key AND moved.key <> cur.key RETURNING s.key\
         ) SELECT {shown} FROM cur \
         UNION ALL SELECT {DONE}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM behind",
        verdict = verdict("$3::int8", "$4::int8"),
        tombstone = tombstone("1::int2"),
        shown = shown(),
    )
}

fn acquire(sessions: &str) -> String {
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT s.* FROM {sessions} s \
         WHERE s.key = $1 AND s.expires > statement_timestamp() FOR UPDATE\
         ), taken AS (\
         UPDATE {sessions} s SET lease_token = cur.lease_token + 1, leased_until = {until} \
         FROM cur WHERE s.key = cur.key AND cur.ended IS NULL \
         AND (cur.leased_until > statement_timestamp()) IS NOT TRUE RETURNING s.lease_token\
         ) SELECT ended, {RECORD}, leased_until, (SELECT lease_token FROM taken) FROM cur",
        until = after("$2::int8"),
    )
}

/// Changes the end of a lease that is held.
fn lease(sessions: &str, until: &str) -> String {
    format!(
        "UPDATE {sessions} s SET leased_until = {until} WHERE s.key = $1 AND {LIVE} \
         AND s.lease_token = $2 AND s.leased_until > statement_timestamp() RETURNING s.lease_token"
    )
}

/// Ends some sessions of a principal. A session that is renamed meanwhile is seen under its old
/// key and not ended under it; that it was seen calls for another pass.
fn delete_all(sessions: &str) -> String {
    let theirs = format!("s.principal = $1 AND {LIVE} AND s.key IS DISTINCT FROM $2");
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT s.key FROM {sessions} s WHERE {theirs} ORDER BY s.key LIMIT 500 FOR UPDATE\
         ), done AS (\
         UPDATE {sessions} s SET {tombstone} FROM cur WHERE s.key = cur.key RETURNING s.key\
         ) SELECT (SELECT count(*) FROM done), \
         EXISTS (SELECT FROM {sessions} s WHERE {theirs})",
        tombstone = tombstone("3::int2"),
    )
}

/// A batch of a sweep, if it is this instance's turn.
///
/// `due` is never after the expiry: a touch leaves it alone, and the sweep moves it up. So an
/// index on it changes once in a session's idle length instead of with every touch.
fn sweep(sessions: &str, version: &str) -> String {
    format!(
        "WITH turn AS MATERIALIZED (\
         SELECT 1 FROM {version} WHERE sweeper = $1 \
         OR (sweeping_until > statement_timestamp()) IS NOT TRUE FOR UPDATE SKIP LOCKED\
         ), mine AS (\
         UPDATE {version} SET sweeper = $1, sweeping_until = {until} FROM turn\
         ), cur AS MATERIALIZED (\
         SELECT s.key, s.expires, s.principal, s.ended FROM {sessions} s \
         WHERE s.due <= statement_timestamp() AND EXISTS (SELECT FROM turn) \
         ORDER BY s.due LIMIT $2 FOR UPDATE SKIP LOCKED\
         ), later AS (\
         UPDATE {sessions} s SET due = s.expires FROM cur \
         WHERE s.key = cur.key AND cur.expires > statement_timestamp()\
         ), gone AS (\
         DELETE FROM {sessions} s USING cur \
         WHERE s.key = cur.key AND cur.expires <= statement_timestamp() RETURNING s.key\
         ) SELECT key, principal, ended IS NULL AND expires <= statement_timestamp() \
         FROM cur ORDER BY expires",
        until = after("$3::int8"),
    )
}

/// Another writer may insert the row while this one does: then neither a version nor a row comes
/// back, and the statement is to be asked again.
fn meta_set(control: &str) -> String {
    format!(
        "WITH cur AS MATERIALIZED (\
         SELECT version, value FROM {control} WHERE name = $1 FOR UPDATE\
         ), changed AS (\
         UPDATE {control} m SET version = cur.version + 1, value = $3 FROM cur \
         WHERE m.name = $1 AND cur.version = $2 RETURNING m.version\
         ), added AS (\
         INSERT INTO {control} (name, version, value) SELECT $1, 1, $3 \
         WHERE $2::int8 IS NULL AND NOT EXISTS (SELECT FROM cur) \
         ON CONFLICT (name) DO NOTHING RETURNING version\
         ) SELECT (SELECT version FROM changed UNION ALL SELECT version FROM added), \
         cur.version, cur.value FROM (VALUES (1)) AS one LEFT JOIN cur ON true"
    )
}
