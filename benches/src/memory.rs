//! Bytes per session as the store fills, and what a read costs when the sessions no longer fit
//! any cache.

use std::{collections::HashMap, time::Instant};

use axum::body::Body;
use http::{HeaderValue, Request};

use crate::{
    allocator,
    case::Case,
    contestants,
    instance::{Failure, Instance},
    report::median,
};

pub const FULL: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];
pub const QUICK: &[usize] = &[1_000, 10_000, 100_000];

/// Requests made ready before the clock starts, so that fetching the cookie is not counted.
const BATCH: usize = 64;
const BATCHES: usize = 2_000;

pub struct Footprint {
    /// Sessions, and bytes for each of them.
    pub bytes_per_session: Vec<(usize, f64)>,
    /// Nanoseconds of a read somewhere among the most sessions.
    pub scattered_read: f64,
}

pub type Footprints = HashMap<&'static str, Footprint>;

/// One after the other: all stores together would not fit a small machine.
pub fn measure(sizes: &[usize]) -> Result<Footprints, Failure> {
    let mut footprints = Footprints::new();
    for contestant in contestants::ALL {
        let instance = Instance::start(contestant)?;
        footprints.insert(contestant.name, footprint(&instance, sizes)?);
    }
    Ok(footprints)
}

fn footprint(instance: &Instance, sizes: &[usize]) -> Result<Footprint, Failure> {
    let mut cookies = Cookies::with_capacity(sizes.iter().copied().max().unwrap_or_default());
    let mut bytes_per_session = Vec::with_capacity(sizes.len());
    allocator::count(true);
    let before = allocator::live_bytes();
    for &size in sizes {
        while cookies.len() < size {
            cookies.push(&instance.new_session()?)?;
        }
        let bytes = allocator::live_bytes() - before;
        bytes_per_session.push((size, bytes as f64 / size as f64));
    }
    allocator::count(false);
    let scattered_read = scattered_read(instance, &cookies)?;
    Ok(Footprint {
        bytes_per_session,
        scattered_read,
    })
}

fn scattered_read(instance: &Instance, cookies: &Cookies) -> Result<f64, Failure> {
    let mut scattered = cookies.scattered();
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let requests = scattered
            .by_ref()
            .take(BATCH)
            .collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        instance.drive(Box::new(requests.into_iter()));
        batches.push(start.elapsed().as_nanos() as f64 / BATCH as f64);
    }
    Ok(median(batches))
}

/// The cookies of all sessions, in memory that was taken before the counting starts.
struct Cookies {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cookies {
    const LONGEST: usize = 256;

    fn with_capacity(sessions: usize) -> Self {
        Self {
            text: Vec::with_capacity(sessions * Self::LONGEST),
            ends: Vec::with_capacity(sessions),
        }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, cookie: &HeaderValue) -> Result<(), Failure> {
        if cookie.len() > Self::LONGEST {
            return Err(format!("a cookie of {} bytes", cookie.len()).into());
        }
        self.text.extend_from_slice(cookie.as_bytes());
        self.ends.push(self.text.len());
        Ok(())
    }

    fn get(&self, index: usize) -> Result<HeaderValue, Failure> {
        let start = index
            .checked_sub(1)
            .map_or(0, |previous| self.ends[previous]);
        Ok(HeaderValue::from_bytes(
            &self.text[start..self.ends[index]],
        )?)
    }

    /// Reads of one session after another, each far from the one before; all of them in turn.
    fn scattered(&self) -> impl Iterator<Item = Result<Request<Body>, Failure>> {
        // A prime, so that it divides no size and every session has its turn.
        const STRIDE: usize = 7_368_787;
        (1..).map(|turn: usize| {
            let cookie = self.get(turn * STRIDE % self.len())?;
            Ok(Case::Read.request(&cookie).to_request())
        })
    }
}
