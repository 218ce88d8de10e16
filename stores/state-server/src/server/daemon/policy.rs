//! Who may be let in: what is refused before anything is opened.

use crate::server::daemon::flags::{DiskFlags, DurabilityFlag, Flags};
use crate::server::{Durability, Persistence};

/// Refuses flags under which the server would do nothing, or would serve strangers.
pub(crate) fn check(flags: &Flags) -> Result<(), String> {
    let listen = &flags.listen;
    if listen.listen.0.is_none() && listen.listen_unix.is_none() {
        return Err("--listen none leaves nothing to listen on: add --listen-unix PATH".to_owned());
    }
    if listen.listen.0.is_none() && listen.tls_cert.is_some() {
        return Err(
            "--tls-cert is for --listen, which is none: a Unix socket has no TLS".to_owned(),
        );
    }
    check_listen(flags)?;
    check_admin(flags)
}

fn check_listen(flags: &Flags) -> Result<(), String> {
    let listen = &flags.listen;
    let Some(at) = listen.listen.remote().filter(|_| !listen.insecure) else {
        return Ok(());
    };
    let needed = [
        ("--allow-remote", listen.allow_remote),
        ("--tls-cert FILE", listen.tls_cert.is_some()),
        ("--tls-key FILE", listen.tls_key.is_some()),
        ("--token-file FILE", listen.token_file.is_some()),
    ];
    let missing = needed.iter().filter(|(_, is_there)| !is_there);
    let missing: Vec<&str> = missing.map(|(flag, _)| *flag).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "--listen {at} lets other machines in: add {}; or add --insecure to serve whoever comes",
        and(&missing)
    ))
}

fn check_admin(flags: &Flags) -> Result<(), String> {
    let admin = &flags.admin;
    match admin.admin.and_then(|admin| admin.remote()) {
        Some(at) if !admin.admin_insecure => Err(format!(
            "--admin {at} lets other machines look, without TLS or tokens: add --admin-insecure \
             if they may"
        )),
        _ => Ok(()),
    }
}

/// Where the sessions are kept, if they are.
pub(crate) fn persistence(flags: &DiskFlags) -> Result<Option<Persistence>, String> {
    let (folder, durability) = match (&flags.data_dir, flags.durability) {
        (None, None | Some(DurabilityFlag::None)) => return Ok(None),
        (None, Some(_)) => return Err("--durability needs --data-dir DIR".to_owned()),
        (Some(_), Some(DurabilityFlag::None)) => {
            return Err(
                "--durability none writes nothing: leave --data-dir out, or choose async or sync"
                    .to_owned(),
            );
        }
        (Some(folder), Some(DurabilityFlag::Async)) => (folder, Durability::Async),
        (Some(folder), Some(DurabilityFlag::Sync) | None) => (folder, Durability::Sync),
    };
    Ok(Some(Persistence {
        folder: folder.clone(),
        durability,
    }))
}

/// The words with commas and an "and".
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
