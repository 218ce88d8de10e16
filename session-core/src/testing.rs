//! What tests of stores and of applications need (feature `testing`): the store
//! [`conformance`] suite, a clock that moves only when told, and stores that fail or count.
//!
//! A panic is how this module reports what it finds.

mod clock;
pub mod conformance;
mod counting;
mod faulty;
mod intercept;

pub use self::clock::ManualClock;
pub use self::counting::{CountingStore, Counts};
pub use self::faulty::{Fault, Faults, FaultyStore, Gate};
pub use self::intercept::{Intercept, Intercepted, Operation};
