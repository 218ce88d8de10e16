//! The shop as its visitors meet it: the real program, over a real socket.

mod support;

use self::support::{Shop, fail_to_start, folder};

#[tokio::test]
async fn visits_are_counted_for_each_visitor() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let (ada, ben) = (shop.visitor(), shop.visitor());
    assert!(ada.home().await.contains("your first visit"));
    assert!(ada.home().await.contains("visit number 2."));
    assert!(ben.home().await.contains("your first visit"));
}

#[tokio::test]
async fn n02_no_visit_is_lost_when_tabs_load_at_once() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let _first = visitor.home().await;
    let tabs = (0..50).map(|_| {
        let visitor = visitor.clone();
        tokio::spawn(async move { visitor.home().await })
    });
    for tab in tabs.collect::<Vec<_>>() {
        assert!(tab.await.expect("a tab").contains("Tea shop"));
    }
    assert!(visitor.home().await.contains("visit number 52."));
}

#[tokio::test]
async fn the_cart_adds_up_and_can_be_emptied() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    for tea in ["assam", "sencha", "assam"] {
        visitor.submit("/cart/add", &[("tea", tea)]).await;
    }
    let page = visitor.home().await;
    assert!(page.contains("2 × Assam"), "{page}");
    assert!(page.contains("€ 21.90"), "{page}");
    let refused = visitor.submit("/cart/add", &[("tea", "gold")]).await;
    assert_eq!(refused, "No such tea.\n");
    let page = visitor.submit("/cart/empty", &[]).await;
    assert!(page.contains("Nothing in it yet."), "{page}");
}

#[tokio::test]
async fn c25_log_in_keeps_the_cart_and_renews_the_id() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let cookie = visitor.get("/").await.headers()["set-cookie"].clone();
    visitor.submit("/cart/add", &[("tea", "sencha")]).await;
    let form = [("name", "Ada <3"), ("password", "tea")];
    let page = visitor.submit("/login", &form).await;
    assert!(page.contains("Welcome, Ada &lt;3!"), "{page}");
    assert!(page.contains("1 × Sencha"), "{page}");

    let old = cookie.to_str().expect("a cookie").split(';').next();
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{}/whoami", shop.port());
    let request = client.get(url).header("cookie", old.expect("a pair"));
    let answer = request.send().await.expect("an answer").text().await;
    assert_eq!(answer.expect("text"), r#"{"user":null,"visits":0}"#);
}

#[tokio::test]
async fn a_wrong_password_logs_nobody_in() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let form = [("name", "Ada"), ("password", "coffee")];
    let page = visitor.submit("/login", &form).await;
    assert!(page.contains("not the password"), "{page}");
    assert!(!page.contains("logged in as"), "{page}");
}

#[tokio::test]
async fn c27_a_notice_is_shown_once() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let form = [("name", "Ada"), ("password", "tea")];
    assert!(visitor.submit("/login", &form).await.contains("Welcome"));
    assert!(!visitor.home().await.contains("Welcome"));
}

#[tokio::test]
async fn log_out_ends_the_session_and_says_so() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let form = [("name", "Ada"), ("password", "tea")];
    visitor.submit("/login", &form).await;
    visitor.submit("/cart/add", &[("tea", "rooibos")]).await;
    let page = visitor.submit("/logout", &[]).await;
    assert!(page.contains("You are logged out"), "{page}");
    assert!(page.contains("your first visit"), "{page}");
    assert!(page.contains("Nothing in it yet."), "{page}");
}

#[tokio::test]
async fn c02_who_only_reads_gets_no_session() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let visitor = shop.visitor();
    let answer = visitor.get("/whoami").await;
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(answer.headers()["vary"], "Cookie");
    let untouched = visitor.get("/healthz").await;
    assert!(!untouched.headers().contains_key("vary"));
}

#[tokio::test]
async fn the_ring_outlives_the_process() {
    let folder = folder();
    let ring = folder.path().join("machine-key.toml");
    let shop = Shop::start(folder.path());
    let made = std::fs::read(&ring).expect("a ring");
    assert!(shop.stop());
    let _again = Shop::start(folder.path());
    assert_eq!(std::fs::read(&ring).expect("a ring"), made);
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let folder = folder();
    let shop = Shop::start(folder.path());
    let listen = format!("127.0.0.1:{}", shop.port());
    let failed = fail_to_start(folder.path(), &listen);
    assert_eq!(failed.status.code(), Some(1));
    let message = String::from_utf8(failed.stderr).expect("text");
    let start = format!("quickstart: cannot listen on {listen}: ");
    assert!(message.starts_with(&start), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn c46_a_broken_ring_is_one_clear_line_and_is_kept() {
    let folder = folder();
    let ring = folder.path().join("machine-key.toml");
    assert!(Shop::start(folder.path()).stop());
    let whole = std::fs::read(&ring).expect("a ring");
    std::fs::write(&ring, &whole[..whole.len() / 2]).expect("half a ring");
    let failed = fail_to_start(folder.path(), "127.0.0.1:0");
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stdout.is_empty());
    let message = String::from_utf8(failed.stderr).expect("text");
    assert!(message.starts_with("quickstart: "), "{message}");
    assert!(message.contains("machine-key.toml"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    let kept = std::fs::read(&ring).expect("still there");
    assert_eq!(kept, whole[..whole.len() / 2]);
}
