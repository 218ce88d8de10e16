//! The admin port, and the page in a browser.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::client::{Client, get, put};
use crate::process::{Daemon, until, wait};

/// What Chromium shows of the page after some seconds: the document, and a picture of it.
struct Look {
    document: String,
    picture: Vec<u8>,
}

fn look(url: &str, is_dark: bool) -> Look {
    let document = browse(url, is_dark, &["--dump-dom"]);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("page.png");
    browse(url, is_dark, &[&format!("--screenshot={}", file.display())]);
    let picture = fs::read(&file).unwrap();
    if let Some(keep) = std::env::var_os("KEEP_PICTURES") {
        let name = if is_dark { "dark.png" } else { "light.png" };
        fs::write(Path::new(&keep).join(name), &picture).unwrap();
    }
    Look { document, picture }
}

fn browse(url: &str, is_dark: bool, more: &[&str]) -> String {
    let profile = TempDir::new().unwrap();
    let scheme = if is_dark { 0 } else { 1 };
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args(["--window-size=1000,1100", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .args(more)
        .arg(url)
        .stdout(fs::File::create(profile.path().join("out")).unwrap())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("this test needs chromium (Debian: apt-get install chromium): {error}")
    });
    let limit = std::time::Duration::from_secs(90);
    let status = wait(&mut child, limit).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("chromium did not end")
    });
    assert!(status.success(), "chromium: {status}");
    fs::read_to_string(profile.path().join("out")).unwrap()
}

/// The text of the element with this id, if it has no others in it.
fn text<'a>(document: &'a str, id: &str) -> &'a str {
    let start = document.find(&format!("id=\"{id}\"")).unwrap();
    let (_, after) = document[start..].split_once('>').unwrap();
    after.split_once('<').unwrap().0
}

/// Three sessions, a lock and somebody who waits for it, and some refusals.
fn busy() -> (Daemon, Vec<Client>) {
    let daemon = Daemon::start(&["--max-memory", "64MiB", "--max-connections", "1000"]);
    let mut client = daemon.client();
    let target = format!("/s/{}", "01".repeat(32));
    client.ask(&put("/a", "", &"x".repeat(5 << 20))).expect(200);
    client.ask(&put("/b", "", "")).expect(200);
    client.ask(&put(&target, "", "")).expect(200);
    client.ask(&put("/c", "Timeout: 0\r\n", "")).expect(400);
    client.ask(&get("/missing", "")).expect(404);
    let acquire = "Session-Protocol: 1\r\nExclusive: acquire\r\nSession-Wait: 600000\r\n";
    client.ask(&get(&target, acquire)).expect(200);
    let mut waiter = daemon.client();
    waiter.send(get(&target, acquire));
    until(|| (daemon.metric("lock_waiters") == 1).then_some(())).unwrap();
    (daemon, vec![client, waiter])
}

#[test]
fn the_page_shows_what_goes_on() {
    let (daemon, mut clients) = busy();
    let url = format!("http://{}/", daemon.admin);
    let light = look(&url, false);
    for (id, shown) in [
        ("state", "serving"),
        ("items", "3"),
        ("lock_waiters", "1"),
        ("connections", "2"),
        ("connections_hint", "of 1,000"),
        ("total", "6"),
        ("rate", "0"),
        ("memory", "5 MiB"),
    ] {
        assert_eq!(text(&light.document, id), shown, "{id}: {}", light.document);
    }
    assert!(text(&light.document, "memory_hint").starts_with("of 64 MiB; the process has "));
    for row in [
        "<code>200</code>done</th><td>4</td>",
        "<code>404</code>no such session</th><td>1</td>",
        "<th>not a valid request</th><td>1</td>",
    ] {
        assert!(light.document.contains(row), "{row}: {}", light.document);
    }
    // Without persistence there is nothing to say about a disk.
    assert!(light.document.contains("id=\"disk\" hidden"));
    let dark = look(&url, true);
    assert!(light.picture.starts_with(b"\x89PNG") && dark.picture.starts_with(b"\x89PNG"));
    assert_ne!(light.picture, dark.picture);
    // It refreshes itself: requests between two looks of one page are a rate.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                clients[0].ask(&get("/b", "")).expect(200);
            }
        });
        let document = browse(&url, false, &["--dump-dom"]);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let rate: u64 = text(&document, "rate").replace(',', "").parse().unwrap();
        assert!(rate > 0);
    });
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let daemon = Daemon::start(&[]);
    let page = daemon.ask_admin("/");
    assert!(page.starts_with("HTTP/1.1 200 "));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Content-Security-Policy: default-src 'none';"));
}

#[test]
fn probes_and_metrics() {
    let daemon = Daemon::start(&[]);
    for (path, status) in [
        ("/health", 200),
        ("/ready", 200),
        ("/metrics", 200),
        ("/x", 404),
    ] {
        let answer = daemon.ask_admin(path);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
    }
    let metrics = daemon.ask_admin("/metrics");
    assert!(metrics.contains("Content-Type: text/plain; version=0.0.4"));
    let (_, body) = metrics.split_once("\r\n\r\n").unwrap();
    // Each name is introduced once, and each line is a name and a number.
    let mut introduced = std::collections::BTreeSet::new();
    for line in body.lines() {
        if let Some(line) = line.strip_prefix("# TYPE ") {
            let name = line.split(' ').next().unwrap();
            assert!(introduced.insert(name.to_owned()), "{line}");
        } else if !line.starts_with('#') {
            let (name, number) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(introduced.contains(name), "{line}");
            number.parse::<u64>().unwrap();
        }
    }
    assert!(daemon.metric("resident_bytes") > 1 << 20);
}

/// Slow strangers on the admin port do not keep probes out for long.
#[test]
fn the_admin_port_speaks_only_its_own() {
    let daemon = Daemon::start(&[]);
    let mut client = Client::to(&daemon.admin);
    client.send("POST / HTTP/1.1\r\n\r\n");
    assert!(client.rest().starts_with("HTTP/1.1 404 "));
    let mut client = Client::to(&daemon.admin);
    client.send_if_open(&"x".repeat(20_000));
    assert!(client.is_closed());
    assert!(daemon.ask_admin("/health").starts_with("HTTP/1.1 200 "));
}
