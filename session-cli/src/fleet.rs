//! `sessionctl fleet`: which keys a farm has, as its shared store says.

mod describe;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use session_core::{
    ConfigFile, FleetDifference, FleetRow, FleetRowError, FleetVerdict, KeyRing, MetaRow, MetaSet,
    SessionStore, StoreError, fleet_row, instance_row,
};

use self::describe::Beat;
pub(crate) use self::describe::standing;
use crate::answer::{Answer, Failure, UNWELL};
use crate::confirm::confirm;
use crate::dates::now;
use crate::place::{load, ring};
use crate::stores;

#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Show the fleet's keys, who said so, and whether this ring is the fleet's; status 3 if not
    Show {
        #[command(flatten)]
        fleet: Place,
        /// Show what this instance said last; may be given several times
        #[arg(long, value_name = "NAME")]
        instance: Vec<String>,
    },
    /// Make the ring of the configuration the fleet's: instances with another one stop serving
    Adopt {
        #[command(flatten)]
        fleet: Place,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take the row back: the next instance that starts makes its ring the fleet's
    Reset {
        #[command(flatten)]
        fleet: Place,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// The application whose farm it is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The configuration of an instance of the farm
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// A farm, seen from the place of an instance.
pub(crate) struct Fleet {
    pub(crate) file: ConfigFile,
    pub(crate) store: Arc<dyn SessionStore>,
}

/// What stands in the place of the fleet's row.
pub(crate) enum Found {
    Nothing,
    Unreadable(FleetRowError),
    Row(FleetRow),
}

impl Place {
    fn open(&self) -> Result<Fleet, Failure> {
        let file = load(&self.config)?;
        let store = stores::open(&file.store)?;
        Ok(Fleet { file, store })
    }
}

impl Fleet {
    pub(crate) fn app(&self) -> &str {
        self.file.session.app()
    }

    pub(crate) async fn row(&self) -> Result<Option<MetaRow>, StoreError> {
        let name = fleet_row(self.app());
        Arc::clone(&self.store).meta_get(name).await
    }

    /// Writes the row if it is still what it was.
    async fn write(&self, before: Option<MetaRow>, value: Bytes) -> Result<(), Failure> {
        let version = before.map(|row| row.version);
        let store = Arc::clone(&self.store);
        let writing = store.meta_compare_and_set(fleet_row(self.app()), version, value);
        match writing.await? {
            MetaSet::Written(_) => Ok(()),
            MetaSet::Conflict(_) => Err(Failure::new(
                "an instance wrote the fleet's row in this very moment, and it was left alone; \
                 look at it again with `sessionctl fleet show`",
            )),
        }
    }

    async fn beat(&self, instance: &str) -> Result<Beat, Failure> {
        let name = instance_row(self.app(), instance);
        let row = Arc::clone(&self.store).meta_get(name).await?;
        let said = row.and_then(|row| serde_json::from_slice::<Value>(&row.value).ok());
        Ok(Beat {
            instance: instance.to_owned(),
            said,
        })
    }
}

/// Reads a control row.
pub(crate) fn found(row: Option<&MetaRow>) -> Found {
    match row {
        Some(row) if !FleetRow::is_reset(&row.value) => match FleetRow::parse(&row.value) {
            Ok(row) => Found::Row(row),
            Err(error) => Found::Unreadable(error),
        },
        _ => Found::Nothing,
    }
}

/// Carries out a command on a fleet.
pub(crate) async fn run(command: &FleetCommand) -> Result<Answer, Failure> {
    match command {
        FleetCommand::Show { fleet, instance } => show(&fleet.open()?, instance).await,
        FleetCommand::Adopt { fleet, yes } => adopt(&fleet.open()?, *yes).await,
        FleetCommand::Reset { fleet, yes } => reset(&fleet.open()?, *yes).await,
    }
}

async fn show(fleet: &Fleet, instances: &[String]) -> Result<Answer, Failure> {
    let ring = ring(&fleet.file)?.snapshot();
    let row = found(fleet.row().await?.as_ref());
    let own = fleet.file.session.instance();
    let own = own.filter(|own| !instances.iter().any(|name| name == own));
    let mut beats = Vec::new();
    for instance in own.into_iter().chain(instances.iter().map(String::as_str)) {
        beats.push(fleet.beat(instance).await?);
    }
    let standing = standing(&row, &ring, fleet.app());
    let answer = describe::answer(fleet, &row, &standing, &beats);
    Ok(match standing.is_well {
        true => answer,
        false => answer.status(UNWELL),
    })
}

async fn adopt(fleet: &Fleet, yes: bool) -> Result<Answer, Failure> {
    let ring = ring(&fleet.file)?;
    let before = fleet.row().await?;
    let row = found(before.as_ref());
    if let Found::Row(row) = &row {
        let verdict = row.compare(&ring.snapshot(), fleet.app(), now());
        if verdict == FleetVerdict::InStep {
            let text = "nothing to do: this ring is the fleet's";
            return Ok(Answer::new(text, adopted(false, &ring)));
        }
        refuse_older(row, verdict)?;
    }
    let question = format!(
        "This makes {} the ring of the fleet of {}: instances with another ring stop serving \
         sessions.",
        ring_name(fleet),
        fleet.app()
    );
    confirm(&question, yes)?;
    let row = FleetRow::of(&ring.snapshot(), fleet.app(), &writer(fleet), now());
    fleet.write(before, row.render().into()).await?;
    Ok(Answer::new(
        "this ring is the fleet's now",
        adopted(true, &ring),
    ))
}

/// A ring of the same farm that is older would lower the epoch, and bring revoked keys back.
fn refuse_older(row: &FleetRow, verdict: FleetVerdict) -> Result<(), Failure> {
    let revoked = matches!(verdict, FleetVerdict::Drift(FleetDifference::Revoked(_)));
    let older = matches!(verdict, FleetVerdict::RowIsNewer | FleetVerdict::Lagging);
    if !older && !revoked {
        return Ok(());
    }
    Err(Failure::new(format!(
        "this ring is the fleet's, but an older one (the fleet has epoch {}, written by {}); \
         give this instance that ring, or, if that is lost, take the row back with \
         `sessionctl fleet reset`",
        row.epoch(),
        row.writer(),
    )))
}

async fn reset(fleet: &Fleet, yes: bool) -> Result<Answer, Failure> {
    let before = fleet.row().await?;
    if matches!(found(before.as_ref()), Found::Nothing) {
        return Ok(Answer::new(
            "nothing to do: no instance has said which keys the fleet has",
            json!({ "reset": false }),
        ));
    }
    let question = format!(
        "This lets the next instance of {} that asks make its ring the fleet's; stop those with \
         a wrong ring first.",
        fleet.app()
    );
    confirm(&question, yes)?;
    fleet
        .write(before, Bytes::from_static(FleetRow::RESET))
        .await?;
    Ok(Answer::new(
        "the next instance that asks makes its ring the fleet's",
        json!({ "reset": true }),
    ))
}

fn adopted(changed: bool, ring: &KeyRing) -> Value {
    let ring = ring.snapshot();
    json!({
        "adopted": changed,
        "epoch": ring.epoch(),
        "sealing": ring.sealing_kid(now()).to_string(),
    })
}

fn ring_name(fleet: &Fleet) -> String {
    match fleet.file.machine_key.ring() {
        Some(path) => path.display().to_string(),
        None => "the configured keys".to_owned(),
    }
}

/// Who is said to have the ring: whoever drifts is told to get it there.
fn writer(fleet: &Fleet) -> String {
    match fleet.file.session.instance() {
        Some(instance) => instance.to_owned(),
        None => host(),
    }
}

#[cfg(unix)]
fn host() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let legible = |character: &char| character.is_ascii_graphic();
    name.chars().filter(legible).take(64).collect()
}

#[cfg(not(unix))]
fn host() -> String {
    "sessionctl".to_owned()
}
