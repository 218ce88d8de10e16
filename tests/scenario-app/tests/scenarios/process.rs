//! The process: probes and its end.

use rustix::process::Signal;

use crate::harness::Farm;

pub(crate) async fn probes_answer(farm: &Farm) {
    let site = farm.open().await;
    let probe = site.visitor();
    for path in ["/healthz", "/readyz"] {
        let answer = probe.get(path).await.ok();
        answer.assert_no_cookie();
        assert_eq!(answer.header("vary"), None);
    }
}

/// Requests that are under way are answered and committed, and then the process ends well.
pub(crate) async fn sigterm_answers_first(farm: &Farm) {
    let mut site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    site.reset_store_calls().await;
    let writing = tokio::spawn(async move { visitor.post("/set/a/c?delay_ms=300").await });
    site.until_called("load", 1).await;
    for instance in &mut site.instances {
        instance.signal(Signal::TERM);
    }
    writing.await.unwrap().ok();
    for instance in &mut site.instances {
        assert_eq!(instance.ended().await, Some(0), "{}", instance.log());
    }
}
