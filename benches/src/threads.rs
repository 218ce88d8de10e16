//! Requests per second of visitors who come at the same time, each with a session of his own.

use std::{collections::HashMap, time::Instant};

use http::HeaderValue;

use crate::{
    case::Case,
    contestants,
    instance::{Failure, Instance},
    report::median,
};

pub const THREADS: usize = 2;

pub struct Effort {
    pub rounds: u32,
    pub requests: u64,
}

impl Effort {
    pub const FULL: Self = Self {
        rounds: 15,
        requests: 30_000,
    };
    pub const QUICK: Self = Self {
        rounds: 5,
        requests: 10_000,
    };
}

/// Requests per second.
#[derive(Clone, Copy)]
pub struct Throughput {
    pub one_thread: f64,
    pub all_threads: f64,
}

impl Throughput {
    /// How many times one thread's work all of them do.
    pub fn scaling(self) -> f64 {
        self.all_threads / self.one_thread
    }
}

pub type Throughputs = HashMap<&'static str, Throughput>;

pub fn measure(effort: &Effort) -> Result<Throughputs, Failure> {
    let mut subjects = contestants::ALL
        .iter()
        .map(Subject::start)
        .collect::<Result<Vec<_>, _>>()?;
    for _ in 0..effort.rounds {
        for subject in &mut subjects {
            let one = subject.per_second(1, effort.requests)?;
            let all = subject.per_second(THREADS, effort.requests)?;
            subject.one_thread.push(one);
            subject.all_threads.push(all);
        }
    }
    Ok(subjects.into_iter().map(Subject::finish).collect())
}

struct Subject {
    instance: Instance,
    cookies: Vec<HeaderValue>,
    one_thread: Vec<f64>,
    all_threads: Vec<f64>,
}

impl Subject {
    fn start(contestant: &contestants::Contestant) -> Result<Self, Failure> {
        let instance = Instance::start_threads(contestant, THREADS)?;
        let cookies = (0..THREADS)
            .map(|_| instance.new_session())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            instance,
            cookies,
            one_thread: Vec::new(),
            all_threads: Vec::new(),
        })
    }

    fn per_second(&self, visitors: usize, requests: u64) -> Result<f64, Failure> {
        let runtime = &self.instance.runtime;
        let start = Instant::now();
        let mut visits = Vec::with_capacity(visitors);
        for cookie in &self.cookies[..visitors] {
            let requests = Case::ReadWrite.request(cookie).repeated(requests);
            visits.push(runtime.spawn(self.instance.app.drive(Box::new(requests))));
        }
        for visit in visits {
            runtime.block_on(visit)?;
        }
        Ok((visitors as u64 * requests) as f64 / start.elapsed().as_secs_f64())
    }

    fn finish(self) -> (&'static str, Throughput) {
        let throughput = Throughput {
            one_thread: median(self.one_thread),
            all_threads: median(self.all_threads),
        };
        (self.instance.name, throughput)
    }
}
