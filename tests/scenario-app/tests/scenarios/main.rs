//! The black-box suite: the cases of a session library, over real sockets, for every way to run
//! the application.
//!
//! A case is a function that takes a [`Farm`](harness::Farm); its name begins with its number in
//! the list of cases (`c01` to `c54`). The table at the end of this file runs each case on each
//! farm. A case that a farm cannot show (two instances on a store that only one process sees)
//! says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports what it finds by a panic, in its helpers too"
)]

mod cookies;
mod creation;
mod drift;
mod ending;
mod farms;
mod faults;
mod garbage;
mod harness;
mod header;
mod junk;
mod leak;
mod lifetime;
mod load;
mod locks;
mod outages;
mod parallel;
mod process;
mod renewal;
mod responses;
mod round_trips;
mod start;
mod walkthrough;

use self::harness::{Combination, Store};

/// Every case, by the file it stands in.
macro_rules! cases {
    ($($farm:tt)*) => {
        on_farm! {
            $($farm)*
            creation: c01_untouched_makes_nothing, c01_untouched_with_a_session_asks_nothing,
                c02_read_only_anonymous_makes_nothing, c03_first_writes_have_different_ids,
                c04_unchanged_session_gets_no_cookie, c54_visitors_without_writes_leave_no_record,
                n19_two_first_requests_make_two_sessions;
            cookies: c05_attributes_as_by_default, c05_attributes_as_configured,
                c07_live_beats_dead, c07a_well_signed_without_record_is_dead,
                c08_two_live_ids_are_anonymous, c08_log_in_resolves_two_live_ids,
                c08_host_prefix_leaves_two_live_ids, c09_several_cookie_lines,
                c10_look_alike_names_are_ignored, c11_foreign_bytes_change_nothing,
                c14_removal_has_the_same_attributes, c15_own_cookies_survive;
            junk: c12_junk_asks_no_store, c12_every_flipped_bit_is_rejected,
                c12_overlong_headers_are_refused, c12_ten_megabytes,
                c13_unissued_ids_are_not_adopted, c13_expired_ids_are_not_adopted;
            responses: c16_every_status_commits, c16_head_commits, c16_panic_commits_nothing,
                c16_dropped_request_commits_nothing, c17_streams_commit_before_the_head,
                c18_oversize_session_is_an_error, c39_redirect_follows_the_write;
            lifetime: c19_idle_expiry_and_activity, c20_deadline_stays, c20_log_in_begins_anew,
                c21_timeout_of_one_session, c22_expired_gets_a_new_id,
                c28_persistent_when_asked, c28_persistent_when_configured;
            renewal: c23_renew_keeps_data, c23_renew_and_fail, c24_renew_twice,
                c24_renew_then_destroy, c24_destroy_then_write,
                c25_fixed_id_is_useless_after_log_in, c34_renew_during_a_slow_writer,
                c34_late_request_with_the_old_cookie;
            ending: c26_logout_is_final, c27_flash_once, c27_flash_survives_a_redirect,
                c27_flash_once_in_parallel, c32_logout_during_slow_writers,
                c33_logout_during_slow_readers;
            parallel: c29_different_keys_are_kept, c30_a_thousand_increments,
                c30_increments_from_one_connection_each, c31_slow_reader_beside_a_writer, c50_cancel_storm;
            locks: c35_exclusive_does_not_overlap, c35_read_only_overlaps,
                c35_writers_wait_for_the_holder, c36_killed_holder,
                c37_disconnect_frees_the_lock, c38_wait_is_bounded,
                c48_commit_that_waits_in_vain, c26_logout_breaks_a_lease;
            farms: c26_logout_on_every_instance, c41_one_ring_two_processes,
                c43_other_names_and_apps_are_refused,
                c43_tokens_of_another_ring;
            faults: c51_killed_instances, c52_rolling_restart;
            drift: c41_staged_rings, c44_stranger_is_refused;
            garbage: c53_garbage_record;
            outages: c47_hanging_store, c47_refusing_store, c49_every_byte;
            header: header_carries_the_session, header_is_emptied_at_logout,
                header_only_reads_no_cookie, cookie_only_reads_no_header, both_answer_in_kind,
                both_of_one_session_are_one, both_of_two_sessions_are_ambiguous;
            round_trips: round_trips_are_the_floor, round_trips_of_a_lease;
            process: sigterm_answers_first, probes_answer;
            leak: nothing_secret_is_logged;
            walkthrough: walkthrough_with_curl;
        }
    };
}

macro_rules! on_farm {
    ($farm:ident = $combination:expr; $($theme:ident: $($case:ident),+;)+) => {
        mod $farm {
            $($(
                #[tokio::test]
                async fn $case() {
                    let farm = crate::harness::Farm::new($combination);
                    crate::$theme::$case(&farm).await;
                }
            )+)+
        }
    };
}

cases! { axum_memory = super::Combination::new("axum", super::Store::Memory, 1); }
cases! { axum_state_server = super::Combination::new("axum", super::Store::StateServer, 2); }

// What only a store can show that survives its own end.
on_farm! {
    axum_durable_state_server =
        super::Combination::new("axum", super::Store::DurableStateServer, 2);
    faults: c51_killed_instances, c51_killed_store, c52_rolling_restart;
}
