//! The application that the black-box tests drive.

fn main() {}
