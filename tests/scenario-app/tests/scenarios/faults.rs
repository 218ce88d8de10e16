//! Instances and stores that come and go under load.

use std::time::Instant;

use tokio::time::sleep;

use crate::harness::Farm;
use crate::load::{self, Fleet, Tally};

const INSTANCES: usize = 3;
const VISITORS: usize = 16;

/// Three instances under load while `disturb` is called again and again; `None` where instances
/// share no store. Returns how often it was called, too.
async fn under_load(
    farm: &Farm,
    why: &str,
    disturb: impl AsyncFn(&mut Fleet<'_>),
) -> Option<(Tally, u64)> {
    let settings = farm.shared_settings(why)?;
    let mut fleet = Fleet::open(farm, INSTANCES, settings).await;
    let end = Instant::now() + load::duration();
    let load = fleet.load(VISITORS, end);
    let mut disturbances = 0;
    while Instant::now() < end {
        disturb(&mut fleet).await;
        disturbances += 1;
        sleep(load::duration() / 20).await;
    }
    let tally = load.finished().await;
    report(why, &tally, disturbances);
    tally.assert_nothing_lost();
    Some((tally, disturbances))
}

#[expect(
    clippy::print_stdout,
    reason = "the figures of a load are worth reading"
)]
fn report(what: &str, tally: &Tally, disturbances: u64) {
    println!("{what}: {disturbances} times under {tally:?}");
}

/// Nobody notices a deployment.
pub(crate) async fn c52_rolling_restart(farm: &Farm) {
    let why = "instances that are restarted one after the other";
    let Some((tally, _)) = under_load(farm, why, async |fleet| fleet.recycle().await).await else {
        return;
    };
    assert_eq!((tally.failed, tally.abandoned), (0, 0), "{tally:?}");
}

/// Only requests in flight there fail.
pub(crate) async fn c51_killed_instances(farm: &Farm) {
    let why = "instances that are killed one after the other";
    let Some((tally, kills)) = under_load(farm, why, async |fleet| fleet.kill().await).await else {
        return;
    };
    assert!(tally.failed <= kills * VISITORS as u64, "{tally:?}");
}

/// The store is killed and started again: whatever was acknowledged is there.
pub(crate) async fn c51_killed_store(farm: &Farm) {
    let kill = async |_: &mut Fleet<'_>| {
        farm.backend().kill();
        farm.backend().start_again();
    };
    under_load(farm, "a durable store that is killed", kill).await;
}
