//! Nanoseconds per request on one thread.
//!
//! All contestants take turns in many short rounds, so that whatever else the machine does falls
//! on all of them. The overhead is the difference to the bare framework *of the same round*;
//! every figure is the median over the rounds.

use std::{collections::HashMap, time::Instant};

use crate::{
    case::Case,
    contestants::{self, BARE},
    instance::{Failure, Instance},
    report::{PerCase, median},
};

pub struct Effort {
    /// How often everybody starts anew, with an empty store.
    pub generations: u32,
    pub rounds: u32,
    pub requests: u64,
}

impl Effort {
    pub const FULL: Self = Self {
        generations: 20,
        rounds: 20,
        requests: 1000,
    };
    pub const QUICK: Self = Self {
        generations: 4,
        rounds: 10,
        requests: 500,
    };
}

pub struct Times {
    pub total: PerCase,
    pub overhead: PerCase,
}

pub fn measure(effort: &Effort) -> Result<Times, Failure> {
    let mut times = Times {
        total: PerCase::default(),
        overhead: PerCase::default(),
    };
    for case in Case::ALL {
        let rounds = rounds_of(case, effort)?;
        for name in contestants::names() {
            let total = rounds.iter().map(|round| round[name]).collect();
            let overhead = rounds
                .iter()
                .map(|round| round[name] - round[BARE])
                .collect();
            times.total.insert((name, case), median(total));
            times.overhead.insert((name, case), median(overhead));
        }
    }
    Ok(times)
}

/// Nanoseconds per request of each contestant in one round.
type Round = HashMap<&'static str, f64>;

fn rounds_of(case: Case, effort: &Effort) -> Result<Vec<Round>, Failure> {
    let mut rounds = Vec::new();
    for _ in 0..effort.generations {
        let mut instances: Vec<Instance> = contestants::ALL
            .iter()
            .map(Instance::start)
            .collect::<Result<_, _>>()?;
        one_round(&instances, case, effort.requests);
        for _ in 0..effort.rounds {
            // Nobody always runs after the same neighbour's cache footprint or first of all.
            instances.rotate_left(1);
            rounds.push(one_round(&instances, case, effort.requests));
        }
    }
    Ok(rounds)
}

fn one_round(instances: &[Instance], case: Case, requests: u64) -> Round {
    let time = |instance: &Instance| {
        let start = Instant::now();
        instance.run(case, requests);
        let nanoseconds = start.elapsed().as_nanos() as f64;
        (instance.name, nanoseconds / requests as f64)
    };
    instances.iter().map(time).collect()
}
