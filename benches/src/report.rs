//! Figures as markdown tables.

use std::{collections::HashMap, fmt::Display};

use crate::{
    case::Case,
    contestants::{self, BARE, TOWER_SESSIONS},
    instructions::Instructions,
    memory::Footprints,
    threads::{THREADS, Throughputs},
    timing::Times,
};

/// Below this the bare framework's scaling says that something else took the second core.
const BUSY: f64 = 1.2;

/// One figure per contestant and case.
pub type PerCase = HashMap<(&'static str, Case), f64>;

/// Of no figures, not a number.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What `name` takes in `case` beyond the bare framework.
pub fn above_bare(figures: &PerCase, name: &'static str, case: Case) -> f64 {
    figures[&(name, case)] - figures[&(BARE, case)]
}

pub fn times(times: &Times) {
    title("Time per request, ns (overhead over the bare framework in the same round)");
    per_case(|name, case| {
        let total = times.total[&(name, case)];
        let overhead = times.overhead[&(name, case)];
        if name == BARE {
            format!("{total:.0}")
        } else {
            format!("{total:.0} ({overhead:+.0})")
        }
    });
    title("Overhead, as a multiple of tower-sessions'");
    per_case(|name, case| {
        let overhead = times.overhead[&(name, case)];
        let reference = times.overhead[&(TOWER_SESSIONS, case)];
        if name == BARE {
            String::new()
        } else {
            format!("{:.2}", overhead / reference)
        }
    });
}

pub fn throughputs(throughputs: &Throughputs) {
    title("Read + write on different sessions at once, requests per second");
    let all = format!("{THREADS} threads");
    let mut table = Table::new(&["", "1 thread", &all, "scaling", "scaling / bare"]);
    let bare = throughputs[BARE].scaling();
    for name in contestants::names() {
        let throughput = throughputs[name];
        let scaling = throughput.scaling();
        table.row(vec![
            name.into(),
            format!("{:.0}", throughput.one_thread),
            format!("{:.0}", throughput.all_threads),
            format!("{scaling:.2}"),
            format!("{:.2}", scaling / bare),
        ]);
    }
    table.print();
    if bare < BUSY {
        println!("\nThe bare framework hardly scales: the cores were not idle. Measure again.");
    }
}

pub fn footprints(footprints: &Footprints, sizes: &[usize]) {
    title("Memory, bytes per session of 200 bytes of keys and values");
    let sizes: Vec<String> = sizes
        .iter()
        .map(|size| format!("{size} sessions"))
        .collect();
    let last = sizes.last().map(String::as_str).unwrap_or_default();
    let read = format!("read among {last}, ns");
    let mut header = vec![""];
    header.extend(sizes.iter().map(String::as_str));
    header.extend([read.as_str(), "above bare"]);
    let mut table = Table::new(&header);
    let bare = footprints[BARE].scattered_read;
    for name in contestants::names() {
        let footprint = &footprints[name];
        let mut row = vec![name.to_owned()];
        row.extend(
            footprint
                .bytes_per_session
                .iter()
                .map(|(_, bytes)| format!("{bytes:.0}")),
        );
        row.push(format!("{:.0}", footprint.scattered_read));
        row.push(format!("{:.0}", footprint.scattered_read - bare));
        table.row(row);
    }
    table.print();
}

pub fn allocations(figures: &PerCase) {
    title("Heap allocations per request, above the bare framework");
    per_case(|name, case| {
        if name == BARE {
            return format!("{:.1} in all", figures[&(name, case)]);
        }
        format!("{:.1}", above_bare(figures, name, case))
    });
}

pub fn instructions(instructions: &Instructions) {
    title(
        "Instructions per request, above the bare framework \
         (in the crypto library / with what it calls)",
    );
    per_case(|name, case| {
        let key = (name, case);
        if name == BARE {
            return format!("{:.0} in all", instructions.total[&key]);
        }
        let above = above_bare(&instructions.total, name, case);
        let (crypto, calls) = (instructions.crypto[&key], instructions.crypto_calls[&key]);
        if crypto > 0.5 {
            format!("{above:.0} ({crypto:.0} / {calls:.0})")
        } else {
            format!("{above:.0}")
        }
    });
}

pub fn title(text: impl Display) {
    println!("\n### {text}\n");
}

fn per_case(cell: impl Fn(&'static str, Case) -> String) {
    let mut header = vec![""];
    header.extend(Case::ALL.map(Case::title));
    let mut table = Table::new(&header);
    for name in contestants::names() {
        let mut row = vec![name.to_owned()];
        row.extend(Case::ALL.map(|case| cell(name, case)));
        table.row(row);
    }
    table.print();
}

pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self(vec![header.iter().map(|&text| text.to_owned()).collect()])
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    pub fn print(&self) {
        let columns = self.0[0].len();
        let width = |column: usize| {
            self.0
                .iter()
                .map(|row| row[column].len())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.0.iter().enumerate() {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!(" {cell:<width$} |"));
            println!("|{}", cells.collect::<String>());
            if index == 0 {
                let rules = widths
                    .iter()
                    .map(|width| format!("{:-<1$}|", "", width + 2));
                println!("|{}", rules.collect::<String>());
            }
        }
    }
}
