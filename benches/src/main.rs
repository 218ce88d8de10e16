//! Session middleware side by side: what one request costs with each of them.
//!
//! `README.md` says how to run this and how to read what it prints.

mod allocations;
mod allocator;
mod callgrind;
mod case;
mod contestants;
mod instance;
mod instructions;
mod memory;
mod report;
mod state_server;
mod threads;
mod timing;
mod verdict;

use std::{env, process::ExitCode};

use instance::Failure;
use verdict::Measured;

const USAGE: &str = "\
usage: session-benches [--quick] [PART]...
parts: time threads memory allocations instructions state-server (all of them by default)";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, flags)) if first == state_server::DAEMON => {
            return state_server::daemon(flags);
        }
        Some((first, _)) if first == state_server::ECHO_SERVER => state_server::echo_server(),
        Some((first, rest)) if first == state_server::HTTP => state_server::one_http(rest),
        Some((first, rest)) if first == state_server::LOAD => state_server::one_load(rest),
        Some((first, rest)) if first == instructions::RUN => instructions::run(rest),
        _ => Plan::from_words(&words).and_then(|plan| plan.carry_out()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Instructions,
    Allocations,
    Time,
    Threads,
    Memory,
    StateServer,
}

impl Part {
    /// What a busy machine does not disturb comes first.
    const ALL: [Self; 6] = [
        Self::Instructions,
        Self::Allocations,
        Self::Time,
        Self::Threads,
        Self::Memory,
        Self::StateServer,
    ];

    fn from_word(word: &str) -> Result<Self, Failure> {
        match word {
            "instructions" => Ok(Self::Instructions),
            "allocations" => Ok(Self::Allocations),
            "time" => Ok(Self::Time),
            "threads" => Ok(Self::Threads),
            "memory" => Ok(Self::Memory),
            "state-server" => Ok(Self::StateServer),
            _ => Err(USAGE.into()),
        }
    }
}

struct Plan {
    parts: Vec<Part>,
    quick: bool,
}

impl Plan {
    fn from_words(words: &[String]) -> Result<Self, Failure> {
        let (flags, parts): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.starts_with('-'));
        if flags.iter().any(|flag| *flag != "--quick") {
            return Err(USAGE.into());
        }
        let mut parts: Vec<Part> = parts
            .into_iter()
            .map(|word| Part::from_word(word))
            .collect::<Result<_, _>>()?;
        if parts.is_empty() {
            parts.extend(Part::ALL);
        }
        Ok(Self {
            parts,
            quick: !flags.is_empty(),
        })
    }

    fn carry_out(&self) -> Result<(), Failure> {
        let mut measured = Measured::default();
        for part in &self.parts {
            self.measure(*part, &mut measured)?;
        }
        verdict::print(&measured);
        Ok(())
    }

    /// Runs one part and prints its table at once.
    fn measure(&self, part: Part, measured: &mut Measured) -> Result<(), Failure> {
        match part {
            Part::Instructions => match instructions::measure()? {
                Some(figures) => {
                    report::instructions(&figures);
                    measured.instructions = Some(figures);
                }
                None => eprintln!("valgrind is not installed: no instructions are counted"),
            },
            Part::Allocations => {
                let figures = allocations::measure()?;
                report::allocations(&figures);
                measured.allocations = Some(figures);
            }
            Part::Time => {
                let effort = if self.quick {
                    timing::Effort::QUICK
                } else {
                    timing::Effort::FULL
                };
                let figures = timing::measure(&effort)?;
                report::times(&figures);
                measured.times = Some(figures);
            }
            Part::Threads => {
                let effort = if self.quick {
                    threads::Effort::QUICK
                } else {
                    threads::Effort::FULL
                };
                let figures = threads::measure(&effort)?;
                report::throughputs(&figures);
                measured.throughputs = Some(figures);
            }
            Part::Memory => {
                let sizes = if self.quick {
                    memory::QUICK
                } else {
                    memory::FULL
                };
                let figures = memory::measure(sizes)?;
                report::footprints(&figures, sizes);
                measured.footprints = Some(figures);
            }
            Part::StateServer => measured.state_server = state_server::part(self.quick)?,
        }
        Ok(())
    }
}
