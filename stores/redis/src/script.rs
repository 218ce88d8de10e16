//! The scripts that run in the server.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// A script: its source and the hash by which the server knows it.
#[derive(Debug)]
pub(crate) struct Lua {
    source: String,
    hash: String,
}

/// How a script is named to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// By its hash; the server may not know it.
    Hash,
    /// By its source, from which the server learns it.
    Source,
}

const BASE: &str = include_str!("scripts/base.lua");
const WRITE: &str = include_str!("scripts/part_write.lua");
const PRINCIPAL: &str = include_str!("scripts/part_principal.lua");
const BURY: &str = include_str!("scripts/part_bury.lua");
const LISTING: &str = include_str!("scripts/part_listing.lua");
const ADMIT: &str = include_str!("scripts/part_admit.lua");

macro_rules! script {
    ($name:ident, $($part:expr),+) => {
        pub(crate) static $name: LazyLock<Lua> = LazyLock::new(|| Lua::new(&[BASE, $($part),+]));
    };
}

script!(CREATE, WRITE, LISTING, include_str!("scripts/create.lua"));
script!(
    SAVE,
    WRITE,
    PRINCIPAL,
    LISTING,
    ADMIT,
    include_str!("scripts/save.lua")
);
script!(
    RENAME,
    WRITE,
    PRINCIPAL,
    BURY,
    LISTING,
    ADMIT,
    include_str!("scripts/rename.lua")
);
script!(TOUCH, include_str!("scripts/touch.lua"));
script!(DELETE, PRINCIPAL, BURY, include_str!("scripts/delete.lua"));
script!(ACQUIRE, include_str!("scripts/acquire.lua"));
script!(LEASE, include_str!("scripts/lease.lua"));
script!(ENLIST, LISTING, include_str!("scripts/enlist.lua"));
script!(PAGE, include_str!("scripts/page.lua"));
script!(PRUNE, include_str!("scripts/prune.lua"));
script!(CONTROL, include_str!("scripts/control.lua"));

impl Lua {
    fn new(parts: &[&str]) -> Self {
        let mut source = String::new();
        for line in parts.iter().flat_map(|part| part.lines()) {
            // Comments would travel and lie in the server for nothing.
            if !line.is_empty() && !line.starts_with("--") {
                source.push_str(line.trim_start());
                source.push('\n');
            }
        }
        let hash = Script::new(&source).get_hash().to_owned();
        Self { source, hash }
    }

    /// The command that runs the script on these keys; arguments may follow.
    pub(crate) fn command(&self, form: Form, keys: &[&[u8]]) -> Cmd {
        let mut command = match form {
            Form::Hash => redis::cmd("EVALSHA"),
            Form::Source => redis::cmd("EVAL"),
        };
        command.arg(match form {
            Form::Hash => &self.hash,
            Form::Source => &self.source,
        });
        command.arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_travel() {
        for script in [&CREATE, &SAVE, &RENAME, &TOUCH, &DELETE, &ACQUIRE] {
            assert!(!script.source.contains("--"), "{}", script.source);
            assert_eq!(script.hash.len(), 40);
        }
    }
}
