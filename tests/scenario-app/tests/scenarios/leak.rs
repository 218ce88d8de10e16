//! Nothing secret in what the process writes.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::Signal;

use crate::harness::secrets::{forms, forms_of_ring};
use crate::harness::{Browser, COOKIE, Farm, Settings, Site};

const PAYLOAD: &str = "canary-payload-1f6b0c";
const JUNK: &str = "canary-junk-77aa31";

/// A token, the id in it, and the end that proves it.
fn forms_of_token(token: &str) -> Vec<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let mut found = vec![token.to_owned(), token[12..54].to_owned()];
    found.extend(forms(&bytes[9..41]));
    // Without the route, which is no secret.
    found.extend(forms(&bytes[11..41]));
    found.extend(forms(&bytes[41..]));
    found
}

/// A visit with everything in it that can go well or wrong. Returns every token that was given
/// out.
async fn walk(site: &Site) -> Vec<String> {
    let visitor = site.visitor();
    let mut tokens = Vec::new();
    visitor.post_body("/debug/body/secret", PAYLOAD).await.ok();
    tokens.push(visitor.token());
    for path in [
        "/increment/n",
        "/debug/persistent/600",
        "/timeout/600",
        "/cookie-too",
    ] {
        visitor.post(path).await.ok();
    }
    for path in [
        "/get/secret",
        "/info",
        "/exclusive",
        "/readonly",
        "/panic",
        "/stream",
    ] {
        visitor.get(path).await;
    }
    // A value of another type: the decoder knows it, its error must not tell.
    visitor.post("/increment/secret").await.expect(500);
    let huge = PAYLOAD.repeat(200);
    visitor
        .post_body("/debug/body/huge", &huge)
        .await
        .expect(500);
    for path in ["/login/alice", "/renew", "/renew?fail=500"] {
        visitor.post(path).await;
        tokens.push(visitor.token());
    }
    let other = site.visitor();
    other.post_body("/debug/body/secret", PAYLOAD).await.ok();
    tokens.push(other.token());
    go_wrong(site, &visitor, &other).await;
    tokens
}

/// Two live ids, late requests, dead ids, junk, and a client that sends too much.
async fn go_wrong(site: &Site, visitor: &Browser, other: &Browser) {
    let (cookie, second) = (visitor.cookie().unwrap(), other.cookie().unwrap());
    let both = site.bearer(&format!("{cookie}; {second}"));
    both.post("/set/a/b").await.expect(409);
    let slow = site.bearer(&cookie);
    site.reset_store_calls().await;
    let writing = tokio::spawn(async move { slow.post("/increment/n?delay_ms=100").await });
    site.until_called("load", 1).await;
    visitor.post("/renew").await.ok();
    writing.await.unwrap().expect(409);
    site.bearer(&cookie).post("/set/a/b").await.expect(409);
    other.post("/logout").await.ok();
    site.bearer(&second).post("/set/a/b").await.ok();
    for junk in [
        JUNK.to_owned(),
        JUNK.repeat(2000),
        format!("{}{JUNK}", &cookie[8..]),
    ] {
        site.bearer(&format!("{COOKIE}={junk}"))
            .post("/increment/n")
            .await;
    }
}

/// S29.
pub(crate) async fn nothing_secret_is_logged(farm: &Farm) {
    let small = |settings: Settings| settings.set("session.limits.max_payload", "1KiB");
    let mut site = farm.open_tracing(small).await;
    let tokens = walk(&site).await;
    let mut secrets: Vec<_> = tokens
        .iter()
        .flat_map(|token| forms_of_token(token))
        .collect();
    secrets.extend(forms_of_ring(&fs::read_to_string(farm.ring()).unwrap()));
    secrets.extend(forms(PAYLOAD.as_bytes()));
    secrets.extend(forms(JUNK.as_bytes()));
    for instance in &mut site.instances {
        instance.signal(Signal::TERM);
        instance.ended().await;
        let written = instance.log() + &instance.rest_of_output().await;
        assert!(
            written.contains("DEBUG") && written.contains("session"),
            "nothing was traced:\n{written}"
        );
        for secret in &secrets {
            assert!(
                !written.contains(secret),
                "{secret} was written:\n{written}"
            );
        }
    }
}
