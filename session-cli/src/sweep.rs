//! `sessionctl sweep`: removing what has expired.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::place::Place;
use crate::stores;

#[derive(Debug, Args)]
pub(crate) struct SweepCommand {
    #[command(flatten)]
    place: Place,
    /// How many sessions are removed at a time
    #[arg(long, value_name = "COUNT", default_value = "1000",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
}

/// Sweeps until a batch finds nothing. A store that expires by itself has nothing to find, and
/// neither has one that another instance is sweeping.
pub(crate) async fn run(command: &SweepCommand) -> Result<Answer, Failure> {
    let store = stores::open(&command.place.store()?)?;
    let mut removed = 0;
    loop {
        let swept = Arc::clone(&store).sweep(command.batch as usize).await?;
        removed += swept.len();
        if swept.is_empty() {
            break;
        }
    }
    let text = match removed {
        0 => "nothing has expired, or the store and its instances sweep by themselves".to_owned(),
        1 => "removed 1 expired session".to_owned(),
        _ => format!("removed {removed} expired sessions"),
    };
    let json = json!({ "store": store.name(), "removed": removed });
    Ok(Answer::new(text, json))
}
