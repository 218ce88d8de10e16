//! `sessionctl key`: the ring file, and keys on their own.

mod describe;
mod import;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use session_core::{KeyRing, KeyRingOptions, Kid, MachineKey, Rotation};

use self::describe::{Deed, described};
use crate::answer::{Answer, Failure};
use crate::dates::{now, parse_span};

/// How often this library's processes read the ring.
const REFRESH: Duration = Duration::from_secs(60);

const SECRET: &str = "this is a secret: whoever has it can forge sessions";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a ring file with one fresh key, where no file is yet
    Generate {
        #[command(flatten)]
        file: File,
        /// How long anything sealed may have to open; at least the absolute timeout
        #[arg(long, value_name = "TIME", default_value = "90d", value_parser = parse_span)]
        longest_lifetime: Duration,
    },
    /// Print a fresh key token for SESSION_MACHINE_KEY; it is a SECRET
    New,
    /// Add a key token from standard input, that opens what was made with it and does not seal
    Add {
        #[command(flatten)]
        file: File,
        /// Let it seal too, this long from now
        #[arg(long, value_name = "TIME", value_parser = parse_span)]
        seal_after: Option<Duration>,
    },
    /// Add a fresh key, which seals when every process has read the ring: in an hour
    Rotate {
        #[command(flatten)]
        file: File,
        /// Let it seal at once: for emergencies
        #[arg(long)]
        now: bool,
    },
    /// Let the key that seals hand over at once to the one that waits to succeed it
    Retire {
        #[command(flatten)]
        file: File,
        /// The id of the key
        #[arg(value_name = "KID", value_parser = kid)]
        kid: Kid,
    },
    /// Let a key open nothing any more: every session that it signed ends
    Revoke {
        #[command(flatten)]
        file: File,
        /// The id of the key
        #[arg(value_name = "KID", value_parser = kid)]
        kid: Kid,
        /// If it is the key that seals, put a fresh one in its place at once
        #[arg(long)]
        and_rotate: bool,
    },
    /// Show what each key may do and until when; no secrets
    Show(File),
    /// See whether a process could start with the ring
    Check(File),
    /// Print the keys that open as SESSION_MACHINE_KEY; they are SECRETS
    ExportEnv(File),
}

/// A ring file.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The ring file
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Accept a ring file that everybody on this machine may read
    #[arg(long)]
    insecure_world_readable: bool,
}

impl File {
    fn options(&self) -> KeyRingOptions {
        KeyRingOptions::new().insecure_world_readable(self.insecure_world_readable)
    }

    fn open(&self) -> Result<KeyRing, Failure> {
        Ok(self.options().open(&self.path)?)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// Carries out a command on keys.
pub(crate) fn run(command: &KeyCommand) -> Result<Answer, Failure> {
    match command {
        KeyCommand::Generate {
            file,
            longest_lifetime,
        } => generate(file, *longest_lifetime),
        KeyCommand::New => new(),
        KeyCommand::Add { file, seal_after } => add(file, *seal_after),
        KeyCommand::Rotate { file, now } => rotate(file, *now),
        KeyCommand::Retire { file, kid } => {
            let ring = file.open()?;
            ring.retire(*kid)?;
            Ok(described(file.path(), &ring, Some(Deed("retired", *kid))))
        }
        KeyCommand::Revoke {
            file,
            kid,
            and_rotate,
        } => revoke(file, *kid, *and_rotate),
        KeyCommand::Show(file) | KeyCommand::Check(file) => {
            Ok(described(file.path(), &file.open()?, None))
        }
        KeyCommand::ExportEnv(file) => export(file),
    }
}

fn generate(file: &File, longest_lifetime: Duration) -> Result<Answer, Failure> {
    let options = file.options().longest_lifetime(longest_lifetime);
    let ring = options.create(file.path())?;
    let kid = ring.snapshot().sealing_kid(now());
    Ok(described(file.path(), &ring, Some(Deed("generated", kid))))
}

fn new() -> Result<Answer, Failure> {
    let key = MachineKey::generate()
        .map_err(|error| Failure::new(format!("no key can be made: {error}")))?;
    let token = key.to_text();
    let json = json!({ "kid": key.kid().to_string(), "secret": token.as_str() });
    Ok(Answer::new(token.as_str(), json).note(SECRET))
}

fn add(file: &File, seal_after: Option<Duration>) -> Result<Answer, Failure> {
    let ring = file.open()?;
    let key = import::from_input()?;
    let kid = key.kid();
    match seal_after {
        Some(delay) => ring.rotate_to(key, Rotation::after(delay))?,
        None => ring.add(key)?,
    };
    Ok(described(file.path(), &ring, Some(Deed("added", kid))))
}

fn rotate(file: &File, at_once: bool) -> Result<Answer, Failure> {
    let ring = file.open()?;
    let rotation = match at_once {
        true => Rotation::at_once(),
        false => Rotation::gradual(REFRESH),
    };
    let kid = ring.rotate(rotation)?.kid;
    Ok(described(file.path(), &ring, Some(Deed("added", kid))))
}

fn revoke(file: &File, kid: Kid, and_rotate: bool) -> Result<Answer, Failure> {
    let ring = file.open()?;
    match and_rotate {
        true => ring.revoke_and_rotate(kid)?,
        false => ring.revoke(kid)?,
    };
    Ok(described(file.path(), &ring, Some(Deed("revoked", kid))))
}

fn export(file: &File) -> Result<Answer, Failure> {
    let tokens = file.open()?.snapshot().export(now());
    let tokens: Vec<_> = tokens.iter().map(|token| token.as_str()).collect();
    let value = tokens.join(",");
    let json = json!({ "SESSION_MACHINE_KEY": value });
    Ok(Answer::new(format!("SESSION_MACHINE_KEY={value}"), json).note(SECRET))
}

fn kid(text: &str) -> Result<Kid, String> {
    Kid::from_hex(text).ok_or_else(|| "a key id has 16 lower-case hexadecimal digits".to_owned())
}
