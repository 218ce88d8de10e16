//! Heap allocations of one request, with the bare framework's share.

use crate::{
    allocator,
    case::Case,
    contestants,
    instance::{Failure, Instance},
    report::PerCase,
};

const REQUESTS: u64 = 1000;

pub fn measure() -> Result<PerCase, Failure> {
    let mut figures = PerCase::default();
    for contestant in contestants::ALL {
        for case in Case::ALL {
            let instance = Instance::start(contestant)?;
            figures.insert((contestant.name, case), per_request(&instance, case));
        }
    }
    Ok(figures)
}

fn per_request(instance: &Instance, case: Case) -> f64 {
    // What is allocated once, such as thread-locals, is not a request's.
    instance.run(case, REQUESTS);
    allocator::count(true);
    let before = allocator::allocations();
    instance.run(case, REQUESTS);
    let allocations = allocator::allocations() - before;
    allocator::count(false);
    allocations as f64 / REQUESTS as f64
}
