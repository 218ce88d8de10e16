//! A visit with curl, as in the documentation.

use std::path::Path;

use tokio::process::Command;

use crate::harness::Farm;

/// Runs curl with a cookie jar; what it prints.
async fn curl(jar: &Path, method: &str, url: &str) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--noproxy", "*"])
        .arg("--cookie")
        .arg(jar)
        .arg("--cookie-jar")
        .arg(jar)
        .args(["--request", method, url])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "curl {method} {url}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn walkthrough_with_curl(farm: &Farm) {
    let site = farm.open().await;
    let jar = farm.path("cookies.txt");
    let at = |path: &str| format!("http://{}{path}", site.address());
    let sets = |answer: &str| answer.contains("set-cookie: session=");

    let visit = curl(&jar, "GET", &at("/get/visits")).await;
    assert!(
        visit.starts_with("HTTP/1.1 404") && !sets(&visit),
        "{visit}"
    );
    let first = curl(&jar, "POST", &at("/increment/visits")).await;
    assert!(first.ends_with("\r\n1") && sets(&first), "{first}");
    let second = curl(&jar, "POST", &at("/increment/visits")).await;
    assert!(second.ends_with("\r\n2") && !sets(&second), "{second}");

    let login = curl(&jar, "POST", &at("/login/alice")).await;
    assert!(login.starts_with("HTTP/1.1 200") && sets(&login), "{login}");
    let info = curl(&jar, "GET", &at("/info")).await;
    assert!(info.contains("\"principal\":\"alice\""), "{info}");
    let kept = curl(&jar, "GET", &at("/get/visits")).await;
    assert!(kept.ends_with("\r\n2"), "{kept}");

    let logout = curl(&jar, "POST", &at("/logout")).await;
    assert!(logout.contains("set-cookie: session=;"), "{logout}");
    let after = curl(&jar, "GET", &at("/info")).await;
    assert!(after.contains("\"is_new\":true"), "{after}");
    let jar = std::fs::read_to_string(jar).unwrap();
    assert!(!jar.contains("\tsession\t"), "curl kept the cookie: {jar}");
}
