//! A small shop with sessions.

fn main() {}
