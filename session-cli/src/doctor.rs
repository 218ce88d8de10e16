//! `sessionctl doctor`: everything that an instance needs, looked at from its place.

mod cookie;
mod finding;
mod fleet;
mod ring;
mod store;

use std::path::PathBuf;

use clap::Args;
use session_core::ConfigFile;

use self::finding::{Finding, answer};
use crate::answer::Answer;
use crate::fleet::Fleet;

#[derive(Debug, Args)]
pub(crate) struct DoctorCommand {
    /// The application's configuration; variables such as STORE__URL count as they do for it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Looks at one thing after the other. What cannot be looked at is a finding too.
pub(crate) async fn run(command: &DoctorCommand) -> Answer {
    let mut findings = Vec::new();
    match ConfigFile::load(&command.config) {
        Ok(file) => {
            let shown = command.config.display();
            findings.push(Finding::ok("configuration", format!("{shown} is in order")));
            examine(file, &mut findings).await;
        }
        Err(error) => {
            let lines = error.to_string();
            let broken = |line: &str| Finding::broken("configuration", line);
            findings.extend(lines.lines().map(broken));
        }
    }
    answer(&findings)
}

async fn examine(file: ConfigFile, findings: &mut Vec<Finding>) {
    let ring = ring::examine(&file, findings);
    cookie::examine(&file, findings);
    let Some(store) = store::examine(&file, findings).await else {
        return;
    };
    if let Some(ring) = ring {
        fleet::examine(&Fleet { file, store }, &ring.snapshot(), findings).await;
    }
}
