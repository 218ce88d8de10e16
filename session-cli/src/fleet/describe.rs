//! A fleet, for people and for programs.

use serde_json::{Value, json};
use session_core::{FleetRow, FleetVerdict, Kid, Ring};

use super::{Fleet, Found};
use crate::answer::Answer;
use crate::dates::{date, now};

/// What an instance said of itself last.
pub(super) struct Beat {
    pub(super) instance: String,
    pub(super) said: Option<Value>,
}

/// What a ring is to its farm.
pub(crate) struct Standing {
    /// For programs.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) told: String,
    pub(crate) is_well: bool,
}

impl Standing {
    fn well(name: &'static str, told: &str) -> Self {
        Self {
            name,
            told: told.to_owned(),
            is_well: true,
        }
    }

    fn unwell(name: &'static str, told: String) -> Self {
        Self {
            name,
            told,
            is_well: false,
        }
    }
}

/// What `ring` is to the row of `app`.
pub(crate) fn standing(row: &Found, ring: &Ring, app: &str) -> Standing {
    match row {
        Found::Nothing => Standing::well(
            "unclaimed",
            "no instance has said which keys the fleet has; the first one that asks will",
        ),
        Found::Unreadable(error) => Standing::unwell(
            "unreadable",
            format!("the row is unreadable: {error}; remove it with `sessionctl fleet reset`"),
        ),
        Found::Row(row) => of_verdict(row.compare(ring, app, now()), row),
    }
}

fn of_verdict(verdict: FleetVerdict, row: &FleetRow) -> Standing {
    let writer = row.writer();
    match verdict {
        FleetVerdict::InStep => Standing::well("in step", "this ring is the fleet's"),
        FleetVerdict::RingIsNewer => Standing::well(
            "newer",
            "this ring is the fleet's and newer; the next instance that reads it says so",
        ),
        FleetVerdict::OtherList => Standing::well(
            "deploying",
            "this ring and the fleet's work together and list different keys, as halfway \
             through a deployment",
        ),
        FleetVerdict::RowIsNewer => Standing::unwell(
            "behind",
            format!("this ring is the fleet's and older; bring it up to date from {writer}"),
        ),
        FleetVerdict::Lagging => Standing::unwell(
            "lagging",
            format!("this ring lacks the key that the fleet seals with; get it from {writer}"),
        ),
        FleetVerdict::Drift(difference) => Standing::unwell(
            "drift",
            format!(
                "this ring is not the fleet's: {difference}; give this instance the ring of \
                 {writer}, or, if this ring is the right one, run `sessionctl fleet adopt` with it"
            ),
        ),
        _ => Standing::unwell(
            "unknown",
            "this program is older than the library".to_owned(),
        ),
    }
}

pub(super) fn answer(fleet: &Fleet, row: &Found, standing: &Standing, beats: &[Beat]) -> Answer {
    let mut text = match row {
        Found::Row(row) => told(row),
        _ => String::new(),
    };
    text.push_str(&format!("{}\n", standing.told));
    for beat in beats {
        text.push_str(&beat.told());
    }
    let instances: Vec<_> = beats.iter().map(Beat::object).collect();
    let json = json!({
        "app": fleet.app(),
        "store": fleet.store.name(),
        "standing": standing.name,
        "row": match row {
            Found::Row(row) => object(row),
            _ => Value::Null,
        },
        "instances": instances,
    });
    Answer::new(text, json)
}

fn told(row: &FleetRow) -> String {
    let opening: Vec<_> = row.opening().map(|kid| kid.to_string()).collect();
    let mut text = format!(
        "epoch {}, seals with {}, opens with {}\n",
        row.epoch(),
        row.sealing(),
        opening.join(" ")
    );
    if !row.revoked().is_empty() {
        text.push_str(&format!("revoked {}\n", kids(row.revoked()).join(" ")));
    }
    let (writer, written) = (row.writer(), date(row.written()));
    text.push_str(&format!("written by {writer} at {written}\n"));
    text
}

fn object(row: &FleetRow) -> Value {
    let opening: Vec<_> = row.opening().map(|kid| kid.to_string()).collect();
    json!({
        "epoch": row.epoch(),
        "sealing": row.sealing().to_string(),
        "opening": opening,
        "revoked": kids(row.revoked()),
        "writer": row.writer(),
        "written": date(row.written()),
    })
}

fn kids(kids: &[Kid]) -> Vec<String> {
    kids.iter().map(Kid::to_string).collect()
}

impl Beat {
    /// The parts in the form that JSON gives them, so that nothing in them acts on a terminal.
    fn told(&self) -> String {
        let instance = &self.instance;
        let Some(said) = &self.said else {
            return format!("instance {instance}: has said nothing\n");
        };
        format!(
            "instance {instance}: on {}, process {}, version {}, epoch {}, seals with {}, at {}\n",
            said["host"],
            said["pid"],
            said["version"],
            said["epoch"],
            said["sealing"],
            said["time"],
        )
    }

    fn object(&self) -> Value {
        json!({ "instance": self.instance, "said": self.said })
    }
}
