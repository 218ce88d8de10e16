//! The flags.

mod value;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use crate::server::{Limits, TlsFiles};

pub(crate) use self::value::Address;
use self::value::{address, drain_timeout, frame_timeout, head, item, memory, target};

/// Keeps the sessions of a web farm.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) listen: ListenFlags,

    #[command(flatten)]
    pub(crate) admin: AdminFlags,

    #[command(flatten)]
    pub(crate) disk: DiskFlags,

    #[command(flatten)]
    pub(crate) caps: CapFlags,

    /// How long connections may take to end after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = drain_timeout)]
    pub(crate) drain_timeout: Duration,

    /// What is logged: error, warn, info, debug or trace, or directives as in RUST_LOG, which
    /// counts where this flag is missing; else info
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
}

/// Where clients come in, and what they must show.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub(crate) struct ListenFlags {
    /// The address to listen on, or none; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:42424", value_parser = address)]
    pub(crate) listen: Address,

    /// A Unix socket to listen on, beside --listen or instead of it
    #[arg(long, value_name = "PATH")]
    pub(crate) listen_unix: Option<PathBuf>,

    /// Let --listen be an address that other machines reach; needs TLS and tokens
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Let --listen be an address that other machines reach, without protection: whoever reaches
    /// the port reads and writes every session
    #[arg(long)]
    pub(crate) insecure: bool,

    /// A file with the tokens that clients must show one of, one on each line; also on the Unix
    /// socket
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// The certificate for TLS on --listen and those that lead to it, as PEM; SIGHUP reads the
    /// files for TLS again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Certificates as PEM of which one must have signed a client's; without this flag clients
    /// need none
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_client_ca: Option<PathBuf>,
}

impl ListenFlags {
    /// The files of TLS, if it is asked for.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (cert, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        let client_ca = self.tls_client_ca.clone();
        Some(TlsFiles {
            cert,
            key,
            client_ca,
        })
    }
}

/// Where operators look.
#[derive(Debug, Args)]
#[command(next_help_heading = "Health, metrics and the status page")]
pub(crate) struct AdminFlags {
    /// Their address, or none [default: 127.0.0.1:42425, and none if that is taken]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) admin: Option<Address>,

    /// Let --admin be an address that other machines reach; it has neither TLS nor tokens, and
    /// tells numbers only
    #[arg(long)]
    pub(crate) admin_insecure: bool,
}

/// Where the sessions are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keeping the sessions; without --data-dir they are in memory only")]
pub(crate) struct DiskFlags {
    /// A directory, on a local disk and this server's alone, in which the sessions survive a
    /// restart; made if it does not exist. The time in which the server is down counts as idle
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// When a write to --data-dir is acknowledged [default: sync with --data-dir, else none]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub(crate) durability: Option<DurabilityFlag>,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityFlag {
    /// Nothing is written to a disk; --data-dir must not be given
    None,
    /// At once; on the disk a tenth of a second later. If the disk is a second or 64 MiB behind,
    /// writes wait. The end of a session is on the disk first, as with sync
    Async,
    /// When it is on the disk, so that neither the process nor the machine can lose it
    Sync,
}

/// What is allowed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Caps; what goes beyond is refused and counted")]
pub(crate) struct CapFlags {
    /// The memory that sessions and connections may take together; sizes are bytes, or have the
    /// unit KiB, MiB or GiB; nothing is evicted, beyond it is 507 [at least 1MiB]
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    max_memory: usize,

    /// The largest body; 413 [1KiB to 1GiB]
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = item)]
    max_item: usize,

    /// The largest head of a request, its headers together; 400 [512 to 60KiB]
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = head)]
    max_head: usize,

    /// The longest target; 400 [128 to 32KiB]
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = target)]
    max_target: usize,

    /// The most headers of a request; 400 [1 to 1000]
    #[arg(long, value_name = "COUNT", default_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_headers: u32,

    /// The most connections; 429 [1 to 1000000]
    #[arg(long, value_name = "COUNT", default_value = "10000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,

    /// How many requests may wait for the lock of one session; 429 [0 to 1000000]
    #[arg(long, value_name = "COUNT", default_value = "1000",
        value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    max_waiters_per_key: u32,

    /// How long a request may take to arrive, an answer to be taken, and a TLS handshake; 408
    /// [10ms to 1h]
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = frame_timeout)]
    frame_timeout: Duration,

    /// Answer 423 to a save with the cookie of a lock that nobody holds any more; the published
    /// protocol lets it overwrite
    #[arg(long)]
    strict: bool,
}

impl CapFlags {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_memory: self.max_memory,
            max_item: self.max_item,
            max_head: self.max_head,
            max_target: self.max_target,
            max_headers: self.max_headers as usize,
            max_connections: self.max_connections as usize,
            max_waiters_per_key: self.max_waiters_per_key as usize,
            frame_timeout: self.frame_timeout,
            strict: self.strict,
        }
    }
}
