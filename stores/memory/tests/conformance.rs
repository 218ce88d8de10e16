//! The conformance suite on the memory store, with a clock that moves by hand.

mod harness;

session_core::conformance_suite!(harness::MemoryHarness::default());
