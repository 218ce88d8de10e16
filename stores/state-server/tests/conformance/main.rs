//! The conformance suite through the client against the state server: over TCP, over a Unix
//! socket, and over three partitions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test says so with a panic, in its helpers as well"
)]

mod daemon;
mod farm;
mod left_behind;
mod lists;
mod moves;
mod moves_under_load;
#[cfg(feature = "tls")]
mod tls;

mod tcp {
    session_core::conformance_suite!(crate::daemon::Farm::tcp(1).await);
}

#[cfg(unix)]
mod unix {
    session_core::conformance_suite!(crate::daemon::Farm::unix());
}

mod partitions {
    session_core::conformance_suite!(crate::daemon::Farm::tcp(3).await);
}

mod ms_asp {
    session_core::conformance_suite!(crate::daemon::Farm::tcp(1).await.spoken_to_plainly());
}
