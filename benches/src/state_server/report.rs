//! The tables of this part.

use super::{
    ECHO, OURS_TCP, PAIRS, REDIS_TCP,
    http::{CASES, HttpFigures},
    load::{Load, LoadFigures},
    memory::Weight,
    runs::{Turn, Turns},
};
use crate::report::{Table, title};

pub fn loads(figures: &LoadFigures) {
    title("Requests per second of the store, and ours over the redis crate's");
    per_pair(
        "ours / redis",
        |ours, redis| {
            let per_second = |turn: &Turn| turn.per_second;
            [
                format!("{:.0}", ours.median(per_second)),
                format!("{:.0}", redis.median(per_second)),
                format!("{:.2}", ours.ratio(redis)),
            ]
        },
        figures,
    );
}

pub fn processor(figures: &LoadFigures) {
    title("Processor time per request, microseconds: client + server");
    let shown = |turns: &Turns| {
        let (client, server) = (
            turns.median(|turn| turn.client),
            turns.median(|turn| turn.server),
        );
        (format!("{client:.1} + {server:.1}"), client + server)
    };
    per_pair(
        "redis / ours",
        |ours, redis| {
            let ((ours, our_sum), (redis, redis_sum)) = (shown(ours), shown(redis));
            [ours, redis, format!("{:.2}", redis_sum / our_sum)]
        },
        figures,
    );
}

/// Beside a round trip that nobody does anything with.
pub fn floor(figures: &LoadFigures) {
    title("Processor time with one in flight over TCP, as a multiple of what a bare echo takes");
    let mut table = Table::new(&["", OURS_TCP, REDIS_TCP]);
    for load in Load::all().filter(|load| load.in_flight == 1) {
        let sum = |name| figures[&(load, name)].median(Turn::processor);
        let multiple = |name| format!("{:.2}", sum(name) / sum(ECHO));
        table.row(vec![load.title(), multiple(OURS_TCP), multiple(REDIS_TCP)]);
    }
    table.print();
}

/// A row for each load; for each pair three columns.
fn per_pair(ratio: &str, cells: impl Fn(&Turns, &Turns) -> [String; 3], figures: &LoadFigures) {
    let mut header = vec![""];
    header.extend(
        PAIRS
            .iter()
            .flat_map(|(ours, redis)| [*ours, *redis, ratio]),
    );
    let mut table = Table::new(&header);
    for load in Load::all() {
        let mut row = vec![load.title()];
        for (ours, redis) in PAIRS {
            row.extend(cells(&figures[&(load, ours)], &figures[&(load, redis)]));
        }
        table.row(row);
    }
    table.print();
}

pub fn memory(weights: &[Weight]) {
    let sessions = weights.first().map_or(0, |weight| weight.sessions);
    title(format!(
        "Memory, bytes per session of 200 bytes at {sessions} sessions"
    ));
    let mut table = Table::new(&["", "resident", "by its own account"]);
    for weight in weights {
        let accounted = weight.accounted.map(|bytes| format!("{bytes:.0}"));
        table.row(vec![
            weight.name.into(),
            format!("{:.0}", weight.resident),
            accounted.unwrap_or_default(),
        ]);
    }
    table.print();
}

pub fn http(figures: &HttpFigures) {
    title(
        "HTTP in process with sealing, 64 in flight: requests per second (processor time of this process, microseconds)",
    );
    let mut header = vec![""];
    header.extend(CASES.map(|case| case.title()));
    let mut table = Table::new(&header);
    for (name, turns) in &figures.0 {
        let mut row = vec![(*name).to_owned()];
        row.extend(turns.iter().map(|turns| {
            let per_second = turns.median(|turn| turn.per_second);
            format!("{per_second:.0} ({:.1})", turns.median(|turn| turn.client))
        }));
        table.row(row);
    }
    table.print();
}
