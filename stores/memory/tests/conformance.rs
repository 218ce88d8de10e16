//! The conformance suite on the memory store, with a clock that moves by hand.

mod support;

session_core::conformance_suite!(support::MemoryHarness::default());
