//! `sessionctl stats`: how the store answers.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use session_core::{Ping, Role, Scope, SessionStore, StoreError};

use crate::answer::{Answer, Failure};
use crate::dates::{date, now};
use crate::place::Place;
use crate::stores;

#[derive(Debug, Args)]
pub(crate) struct StatsCommand {
    #[command(flatten)]
    place: Place,
    /// How often the store is asked
    #[arg(long, value_name = "COUNT", default_value = "20",
        value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pings: u16,
}

/// What a ping found.
pub(crate) struct Asked {
    pub(crate) ping: Ping,
    /// How far the store's clock is ahead of this machine's, in milliseconds.
    pub(crate) ahead: i64,
}

/// Asks the store whether it is there, and what its clock says.
pub(crate) async fn ask(store: &Arc<dyn SessionStore>) -> Result<Asked, StoreError> {
    let before = now();
    let ping = Arc::clone(store).ping().await?;
    let middle = before.as_millis().midpoint(now().as_millis());
    let ahead = ping.store_time.as_millis().saturating_sub(middle);
    Ok(Asked { ping, ahead })
}

/// The role as it is printed.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::ReadOnly => "read-only",
    }
}

/// Asks the store a few times. The first answer has the connecting in it and is told apart.
pub(crate) async fn run(command: &StatsCommand) -> Result<Answer, Failure> {
    let store = stores::open(&command.place.store()?)?;
    let first = ask(&store).await?.ping.latency;
    let mut last = ask(&store).await?;
    let mut latencies = vec![last.ping.latency];
    for _ in 1..command.pings {
        last = ask(&store).await?;
        latencies.push(last.ping.latency);
    }
    latencies.sort_unstable();
    Ok(described(store.as_ref(), first, &latencies, &last))
}

fn described(
    store: &dyn SessionStore,
    first: Duration,
    sorted: &[Duration],
    last: &Asked,
) -> Answer {
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    let (least, middle, most) = (at(0), at(sorted.len() / 2), at(sorted.len() - 1));
    let (name, role) = (store.name(), role(last.ping.role));
    let text = format!(
        "store    {name}, {role}\n\
         latency  {} at least, {} in the middle, {} at most, of {} pings; {} with connecting\n\
         clock    {}, {:+} ms from this machine's\n",
        millis(least),
        millis(middle),
        millis(most),
        sorted.len(),
        millis(first),
        date(last.ping.store_time),
        last.ahead,
    );
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let json = json!({
        "store": name,
        "shared": store.scope() == Scope::Shared,
        "role": role,
        "pings": sorted.len(),
        "latency_us": {
            "connecting": micros(first),
            "least": micros(least),
            "median": micros(middle),
            "most": micros(most),
        },
        "store_time": date(last.ping.store_time),
        "clock_ahead_ms": last.ahead,
    });
    Answer::new(text, json)
}

/// A short time, such as `0.25 ms`.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}
