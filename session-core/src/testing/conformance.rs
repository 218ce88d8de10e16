//! The store conformance suite: one test for each clause of the contract of
//! [`SessionStore`](crate::SessionStore).
//!
//! The author of a store implements [`Harness`] and calls
//! [`conformance_suite!`](crate::conformance_suite), which makes each clause a test of its own:
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use session_core::{SessionStore, testing::conformance::{Harness, Sweeping}};
//! # async fn connect() -> Arc<dyn SessionStore> { unreachable!() }
//! struct ServerHarness;
//!
//! #[async_trait::async_trait]
//! impl Harness for ServerHarness {
//!     async fn store(&self) -> Arc<dyn SessionStore> {
//!         connect().await
//!     }
//!
//!     async fn advance(&self, by: Duration) {
//!         tokio::time::sleep(by).await;
//!     }
//!
//!     fn unit(&self) -> Duration {
//!         Duration::from_secs(1)
//!     }
//!
//!     fn grain(&self) -> Duration {
//!         Duration::from_millis(200)
//!     }
//!
//!     fn patience(&self) -> Duration {
//!         Duration::from_secs(20)
//!     }
//!
//!     fn sweeping(&self) -> Sweeping {
//!         Sweeping::ByItself
//!     }
//!
//!     async fn settle(&self) {
//!         tokio::time::sleep(Duration::from_millis(50)).await;
//!     }
//! }
//!
//! session_core::conformance_suite!(ServerHarness);
//! ```
//!
//! Clauses speak of time in units of [`Harness::unit`], so a store with a clock of its own runs
//! them with short real waits and a store with a manual clock at once. Keys, principals and
//! control rows are random, so tests may share a server.

pub mod cancellation;
pub mod create;
pub mod delete;
pub mod expiry;
mod harness;
pub mod index;
pub mod lease;
pub mod load;
pub mod meta;
pub mod queue;
pub mod race;
pub mod rename;
pub mod save;
mod subject;
pub mod sweep;
pub mod touch;

use std::sync::Arc;

pub use self::harness::{Harness, Sweeping};
pub use self::subject::Subject;

/// Runs one clause against a store of `harness`, unless the harness skips it.
///
/// # Panics
/// The store breaks the clause.
pub async fn run<F, Checked>(name: &str, harness: impl Harness, clause: F)
where
    F: FnOnce(Subject) -> Checked,
    Checked: Future<Output = ()>,
{
    match harness.skip(name) {
        Some(reason) => subject::say_skipped(reason),
        None => clause(Subject::new(Arc::new(harness)).await).await,
    }
}

/// Expands to one `#[tokio::test]` per clause of the store contract.
///
/// The argument is an expression that makes a [`Harness`](crate::testing::conformance::Harness);
/// it is evaluated once in each test and may `.await`. The calling crate needs `tokio` with the
/// features `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::conformance_suite! { @tests $harness;
            cancellation: [
                dropped_create_is_whole,
                dropped_save_is_whole,
                dropped_rename_is_whole,
                dropped_delete_is_whole,
            ]
            create: [
                create_starts_at_revision_one,
                create_leaves_a_taken_key_alone,
                create_finds_a_tombstone_in_its_way,
                create_finds_an_expired_key_free,
                record_round_trips_byte_for_byte,
                large_and_empty_payloads_round_trip,
            ]
            delete: [
                delete_leaves_its_reason,
                delete_keeps_the_first_reason,
                delete_of_an_unknown_session_is_false,
                delete_breaks_a_lease,
                tombstone_stays_for_a_minute,
            ]
            expiry: [
                expired_from_the_moment_of_expiry,
                expires_at_the_lower_lifetime,
                expired_takes_no_save,
                expired_takes_no_touch,
                expired_takes_no_rename,
                expired_takes_no_lease,
                delete_of_an_expired_session_is_false,
                lifetimes_have_milliseconds,
            ]
            index: [
                list_shows_what_the_record_says,
                list_pages_through_every_session_once,
                list_forgets_ended_sessions,
                list_forgets_expired_sessions,
                list_follows_a_rename,
                list_follows_the_principal,
                list_of_an_unknown_principal_is_empty,
                delete_all_spares_the_exception,
                delete_all_ends_more_than_a_page,
                delete_all_does_not_count_the_expired,
            ]
            lease: [
                acquire_brings_the_record,
                acquire_of_no_session_says_so,
                lease_excludes_a_second_holder,
                lease_excludes_a_writer_without_it,
                lapsed_lease_is_free,
                late_write_is_refused,
                save_with_hold_keeps_the_lease,
                save_with_release_frees_the_lease,
                release_frees_the_lease,
                release_with_a_wrong_token_changes_nothing,
                extend_prolongs_the_lease,
                extend_of_a_lapsed_lease_is_lost,
                readers_do_not_wait_for_a_lease,
                acquire_does_not_extend_the_session,
            ]
            load: [
                load_of_an_unknown_session_is_absent,
                load_tells_lifetime_and_time,
                load_does_not_extend,
                ping_answers_as_primary,
            ]
            meta: [
                meta_row_starts_at_version_one,
                meta_write_needs_the_current_version,
                meta_conflict_carries_the_row,
                concurrent_meta_writes_have_one_winner,
            ]
            queue: [
                acquire_is_busy_when_the_wait_is_over,
                waiter_gets_a_released_lease,
                waiter_gets_a_lapsed_lease,
                waiters_are_served_in_order,
                dropped_waiter_is_passed_over,
                waiters_learn_of_a_delete,
                waiters_learn_of_a_rename,
                n17_holders_never_overlap,
            ]
            race: [
                n02_concurrent_increments_are_all_kept,
                concurrent_saves_have_one_winner,
                concurrent_creates_have_one_winner,
                concurrent_renames_have_one_winner,
                n04_no_save_outlives_a_delete,
                n05_no_touch_outlives_a_delete,
                n06_no_rename_outlives_a_delete_of_both,
                rename_is_seen_whole,
                n12_no_session_escapes_delete_all_by_renaming,
            ]
            rename: [
                rename_moves_the_session,
                rename_takes_the_new_lifetime,
                rename_on_a_stale_base_carries_the_current_record,
                rename_of_no_session_says_so,
                rename_needs_the_lease,
                rename_onto_a_taken_key_changes_nothing,
                rename_onto_another_route_changes_nothing,
                rename_ends_the_lease,
            ]
            save: [
                save_adds_exactly_one,
                save_replaces_the_whole_record,
                save_on_a_stale_base_carries_the_current_record,
                save_never_creates,
                save_of_an_ended_session_is_ended,
                save_counts_the_idle_length_anew,
                save_may_shorten,
                save_never_raises_the_absolute_deadline,
                save_may_lower_the_absolute_deadline,
                missing_or_ended_comes_before_leased,
                leased_comes_before_stale,
            ]
            sweep: [
                sweep_returns_the_expired_oldest_first,
                sweep_is_bounded,
                sweep_leaves_the_living,
                n25_sweep_spares_what_is_touched,
            ]
            touch: [
                touch_extends_by_the_idle_length,
                touch_uses_the_idle_length_of_the_last_save,
                n10_touch_stops_at_the_absolute_deadline,
                touch_changes_neither_record_nor_revision,
                touch_of_no_session_is_missing,
                touch_ignores_leases,
            ]
        }
    };
    (@tests $harness:expr; $($module:ident: [$($clause:ident,)*])*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                $crate::testing::conformance::run(
                    stringify!($clause),
                    $harness,
                    $crate::testing::conformance::$module::$clause,
                )
                .await;
            }
        )*)*
    };
}
