//! The fleet's row: whether this ring is that of the other instances.

use session_core::{Ring, StoreErrorKind};

use super::finding::Finding;
use crate::fleet::{Fleet, found, standing};

const CHECK: &str = "fleet";

/// Compares the ring with the fleet's row.
pub(super) async fn examine(fleet: &Fleet, ring: &Ring, findings: &mut Vec<Finding>) {
    findings.push(match fleet.row().await {
        Ok(row) => compared(fleet, ring, row.as_ref()),
        Err(error) if error.kind() == StoreErrorKind::Unsupported => Finding::warning(
            CHECK,
            "the store keeps no control rows, so instances with different rings go unnoticed",
        ),
        Err(error) => Finding::broken(CHECK, error.to_string()),
    });
}

fn compared(fleet: &Fleet, ring: &Ring, row: Option<&session_core::MetaRow>) -> Finding {
    let standing = standing(&found(row), ring, fleet.app());
    match (standing.is_well, standing.name) {
        (true, _) => Finding::ok(CHECK, standing.told),
        // It goes on with the sessions that it can open, and recovers by itself.
        (false, "behind") => Finding::warning(CHECK, standing.told),
        (false, _) => Finding::broken(CHECK, standing.told),
    }
}
