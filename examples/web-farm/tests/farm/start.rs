//! How the farm starts, where it keeps things, and who may press its buttons.

use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Farm, command, fail_to_start, printed_address};

#[tokio::test]
async fn a_taken_port_is_one_clear_line() {
    let farm = Farm::start(&["--instances", "1"]).await;
    let port = farm.url().rsplit(':').next().unwrap().to_owned();
    let failed = fail_to_start(&["--port", &port]).await;
    assert_eq!(failed.status.code(), Some(1));
    let message = String::from_utf8(failed.stderr).unwrap();
    let start = format!("web-farm: cannot listen on 127.0.0.1:{port}: ");
    assert!(message.starts_with(&start), "{message}");
    assert!(message.contains("--port"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[tokio::test]
async fn a_store_that_is_none_for_a_farm_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    for store in ["memory:", "nonsense", "state-server://user:secret@host"] {
        let failed = fail_to_start(&["--port", "0", "--folder", folder, "--store", store]).await;
        assert_eq!(failed.status.code(), Some(1), "{store}");
        let message = String::from_utf8(failed.stderr).unwrap();
        assert!(message.starts_with("web-farm: "), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn sessions_in_a_store_of_ones_own_outlive_the_farm() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let data = format!("{folder}/data");
    let mut server = command(&["state-server", "--data-dir", &data])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (address, _output) = printed_address(&mut server).await;
    let store = format!("state-server://{address}");
    let arguments = ["--instances", "2", "--folder", folder, "--store", &store];

    let farm = Farm::start(&arguments).await;
    let cookie = first_cookie(&farm).await;
    assert!(farm.state().await["store"]["process"].is_null());
    assert!(farm.end_with(Signal::TERM).await.success());

    let again = Farm::start(&arguments).await;
    let request = Client::new().get(format!("{}/whoami", again.url()));
    let told = request.header("cookie", cookie).send().await.unwrap();
    let told: serde_json::Value = told.json().await.unwrap();
    assert_eq!(told["visits"], 1);
}

#[tokio::test]
async fn a_body_whose_length_is_not_known_passes_the_proxy() {
    let farm = Farm::start(&["--instances", "1"]).await;
    let address = farm.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /name HTTP/1.1\r\nhost: localhost\r\nconnection: close, x-gone\r\n\
                x-gone: 1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                transfer-encoding: chunked\r\n\r\n";
    for part in [head, "5\r\nname=\r\n", "3\r\nAda\r\n", "0\r\n\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(answer.contains("x-instance: instance 1"), "{answer}");
}

async fn first_cookie(farm: &Farm) -> String {
    let answer = Client::new().post(format!("{}/visit", farm.url())).send();
    let answer = answer.await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn buttons_are_for_this_page_only() {
    let farm = Farm::start(&["--instances", "1"]).await;
    let client = Client::new();
    let press = || client.post(format!("{}/farm/rotate", farm.url()));
    let other_site = [
        ("origin", "http://evil.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (name, value) in other_site {
        let answer = press().header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    // A name of somebody else's that was made to point here.
    let answer = press()
        .header("host", "evil.test")
        .header("origin", "http://evil.test")
        .header("sec-fetch-site", "same-origin");
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(farm.state().await["instances"][0]["ring"], 1);

    let page = farm.visitor().get("/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let probes = farm.visitor().get("/readyz").await;
    assert_eq!(probes.status(), StatusCode::NOT_FOUND);
}
