//! Who is let in.

use std::fs;
use std::net::TcpListener;

use crate::certificates::Authority;
use crate::client::{Client, get, put};
use crate::process::{Daemon, refused};

const REMOTE: &str = "0.0.0.0:0";

/// Files for the flags: a token, a certificate and its key.
fn files() -> (Authority, [String; 3]) {
    let authority = Authority::new();
    authority.sign("server", "localhost");
    fs::write(authority.file("token"), "secret\n").unwrap();
    let files = ["token", "server.pem", "server.key"].map(|name| authority.file(name));
    (authority, files)
}

#[test]
fn what_lets_strangers_in_is_refused_with_what_to_add() {
    let (_authority, [token, cert, key]) = files();
    let token = ["--token-file", &token];
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let table: &[(&[&[&str]], &str)] = &[
        (
            &[],
            "add --allow-remote, --tls-cert FILE, --tls-key FILE and --token-file FILE; or",
        ),
        (
            &[&["--allow-remote"]],
            "add --tls-cert FILE, --tls-key FILE and --token-file FILE; or",
        ),
        (
            &[&["--allow-remote"], &token],
            "add --tls-cert FILE and --tls-key FILE; or",
        ),
        (&[&["--allow-remote"], &tls], "add --token-file FILE; or"),
        (&[&token, &tls], "add --allow-remote; or add --insecure"),
    ];
    for at in [REMOTE, "[::]:0", "192.0.2.1:42424"] {
        for (flags, sentence) in table {
            let mut args = vec!["--listen", at];
            args.extend(flags.concat());
            let said = refused(&args);
            assert!(said.contains(sentence), "{args:?}: {said}");
        }
    }
}

#[test]
fn what_is_protected_or_wanted_starts() {
    let (_authority, [token, cert, key]) = files();
    let protected = [
        "--allow-remote",
        "--token-file",
        &token,
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    for flags in [
        &protected[..],
        &["--insecure"],
        &["--allow-remote", "--insecure"],
    ] {
        let daemon = Daemon::start(&[&["--listen", REMOTE], flags].concat());
        assert!(daemon.places[0].starts_with("0.0.0.0:"));
        let warns = daemon.log().contains("--insecure");
        assert_eq!(warns, flags.contains(&"--insecure"), "{}", daemon.log());
    }
    for at in ["127.0.0.1:0", "127.1.2.3:0", "[::1]:0"] {
        Daemon::start(&["--listen", at]);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (authority, [token, cert, key]) = files();
    let empty = authority.file("empty");
    fs::write(&empty, "# no token\n\n").unwrap();
    let table: &[(&[&str], &str)] = &[
        (&["--listen", "none"], "add --listen-unix"),
        (&["--listen", "localhost:1"], "--listen"),
        (&["--tls-cert", &cert], "--tls-key"),
        (&["--tls-key", &key], "--tls-cert"),
        (&["--tls-client-ca", &cert], "--tls-cert"),
        (&["--tls-cert", &token, "--tls-key", &key], "no certificate"),
        (&["--tls-cert", &cert, "--tls-key", &cert], "server.pem"),
        (&["--tls-cert", "/missing", "--tls-key", &key], "/missing"),
        (&["--token-file", &empty], "no token"),
        (&["--token-file", "/missing"], "/missing"),
        (&["--admin", "0.0.0.0:0"], "add --admin-insecure"),
        (&["--max-memory", "1kb"], "--max-memory"),
        (&["--max-memory", "1KiB"], "1048576"),
        (&["--max-item", "2GiB"], "1073741824"),
        (&["--max-head", "100"], "512"),
        (&["--max-target", "1MiB"], "32768"),
        (&["--max-headers", "0"], "1..=1000"),
        (&["--max-connections", "0"], "1..=1000000"),
        (&["--max-waiters-per-key", "1000001"], "0..=1000000"),
        (&["--frame-timeout", "0s"], "10ms"),
        (&["--drain-timeout", "soon"], "not a time"),
        (&["--log", "a=b=c"], "--log"),
        (&["--unknown"], "--unknown"),
    ];
    for (flags, sentence) in table {
        let said = refused(flags);
        assert!(said.contains(sentence), "{flags:?}: {said}");
        assert!(
            !said.contains("secret") && !said.contains("BEGIN"),
            "{said}"
        );
    }
}

#[test]
fn a_taken_port_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    assert!(refused(&["--listen", &at]).contains(&at));
    assert!(refused(&["--listen", "127.0.0.1:0", "--admin", &at]).contains(&at));
}

/// A second daemon on one machine has no admin port by default, and runs.
#[test]
fn a_taken_default_admin_port_is_a_warning() {
    let _taken = TcpListener::bind("127.0.0.1:42425");
    let socket = tempfile::TempDir::new().unwrap();
    let path = socket.path().join("socket");
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--listen-unix",
        path.to_str().unwrap(),
    ];
    let daemon = Daemon::start_as_told(&args);
    daemon.client().ask(&get("/a", "")).expect(404);
    daemon.logs("choose one with --admin");
}

#[test]
fn the_token_is_asked_for_on_each_place() {
    let (authority, [token, ..]) = files();
    let socket = authority.file("socket");
    let daemon = Daemon::start(&["--token-file", &token, "--listen-unix", &socket]);
    assert_eq!(daemon.places.len(), 2);
    for place in &daemon.places {
        for headers in [
            "",
            "Authorization: Bearer wrong\r\n",
            "Authorization: Bearer\r\n",
        ] {
            let mut client = Client::to(place);
            client.ask(&get("/a", headers)).expect(401);
            assert!(client.is_closed());
        }
        let mut client = Client::to(place);
        let shown = "Authorization: Bearer secret\r\n";
        client.ask(&put("/a", shown, "body")).expect(200);
        client.ask(&get("/a", "")).expect(200);
    }
    assert_eq!(daemon.metric("refusals_total{reason=\"token\"}"), 6);
}

#[test]
fn refusals_are_told_in_one_line_for_each_reason() {
    let daemon = Daemon::start(&[]);
    for _ in 0..3 {
        daemon.client().ask("junk\r\n\r\n").expect(400);
    }
    daemon.logs("WARN");
    daemon.logs("reason=\"request\"");
    let counts = daemon.log();
    let lines = counts.lines().filter(|line| line.contains("refused"));
    assert!((1..=3).contains(&lines.count()), "{counts}");
}

#[test]
fn the_level_of_the_log_is_a_flag() {
    let mut daemon = Daemon::start(&["--log", "error"]);
    daemon.client().ask("junk\r\n\r\n").expect(400);
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.ended(crate::process::PATIENCE).success());
    assert_eq!(daemon.log(), "");
}

/// Whatever the level, nothing of a client's data is logged.
#[test]
fn the_log_has_no_secrets() {
    let (_authority, [token, ..]) = files();
    let daemon = Daemon::start(&["--token-file", &token, "--log", "trace"]);
    let mut client = daemon.client();
    let shown = "Authorization: Bearer secret\r\n";
    client.ask(&put("/the-key", shown, "the-body")).expect(200);
    client
        .ask(&put("/the-key", "Timeout: x\r\n", "the-body"))
        .expect(400);
    let mut client = daemon.client();
    client
        .ask(&get("/the-key", "Authorization: Bearer the-token\r\n"))
        .expect(401);
    daemon.signal(rustix::process::Signal::TERM);
    daemon.logs("draining");
    let log = daemon.log();
    for secret in ["the-key", "the-body", "the-token", "secret"] {
        assert!(!log.contains(secret), "{log}");
    }
}
