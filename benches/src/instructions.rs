//! Instructions per request, counted by callgrind: the same on any machine and under any load.
//!
//! This program runs itself under valgrind, twice per case with different numbers of requests;
//! the difference is free of everything that happens once.

use std::{
    env, fs, io,
    process::{self, Command, Stdio},
};

use crate::{
    callgrind::{self, Cost},
    case::Case,
    contestants::{self, Contestant},
    instance::{Failure, Instance},
    report::PerCase,
};

/// First argument of a counted run.
pub const RUN: &str = "run";

const FEW: u64 = 200;
const MANY: u64 = 2_200;

#[derive(Default)]
pub struct Instructions {
    pub total: PerCase,
    /// The crypto library's own among them. Valgrind knows no SHA instructions, so the library
    /// falls back to code that is several times longer.
    pub crypto: PerCase,
    /// The same with what the crypto library calls outside itself.
    pub crypto_calls: PerCase,
}

/// `None` where valgrind is not installed.
pub fn measure() -> Result<Option<Instructions>, Failure> {
    if !is_installed()? {
        return Ok(None);
    }
    let mut instructions = Instructions::default();
    for contestant in contestants::ALL {
        for case in Case::ALL {
            let few = count(contestant, case, FEW)?;
            let many = count(contestant, case, MANY)?;
            let per_request =
                |few: u64, many: u64| (many as f64 - few as f64) / (MANY - FEW) as f64;
            let key = (contestant.name, case);
            let figures = &mut instructions;
            figures
                .total
                .insert(key, per_request(few.total, many.total));
            figures
                .crypto
                .insert(key, per_request(few.crypto, many.crypto));
            let calls = per_request(few.crypto_calls, many.crypto_calls);
            figures.crypto_calls.insert(key, calls);
        }
    }
    Ok(Some(instructions))
}

/// The counted run itself: `run <contestant> <case> <requests>`.
pub fn run(words: &[String]) -> Result<(), Failure> {
    let [contestant, case, requests] = words else {
        return Err("run takes a contestant, a case and a number of requests".into());
    };
    let contestant = contestants::named(contestant).ok_or("no such contestant")?;
    let case = Case::from_word(case).ok_or("no such case")?;
    Instance::start(contestant)?.run(case, requests.parse()?);
    Ok(())
}

fn is_installed() -> Result<bool, Failure> {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    match version {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn count(contestant: &Contestant, case: Case, requests: u64) -> Result<Cost, Failure> {
    let profile = env::temp_dir().join(format!("session-benches-{}.callgrind", process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .args([RUN, contestant.name, case.word(), &requests.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = fs::read_to_string(&profile)?;
    fs::remove_file(&profile)?;
    callgrind::cost(&text)
}
