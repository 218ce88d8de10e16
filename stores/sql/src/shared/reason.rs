//! Numbers of the reasons why a session ended, as they stand in a row.

use session_core::EndReason;

/// The number of a reason. It is kept for a minute, but by instances of several versions.
pub(crate) fn number(reason: EndReason) -> i16 {
    match reason {
        EndReason::Renewed => 1,
        EndReason::Destroyed => 2,
        EndReason::Revoked => 3,
    }
}

/// The reason of a number.
pub(crate) fn reason(number: i16) -> Option<EndReason> {
    [EndReason::Renewed, EndReason::Destroyed, EndReason::Revoked]
        .into_iter()
        .find(|reason| self::number(*reason) == number)
}
