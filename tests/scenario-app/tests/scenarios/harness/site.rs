//! [`Site`]: the running instances behind one address, as far as a browser is concerned.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::backend::Census;
use super::browser::Browser;
use super::instance::Instance;

/// Running instances; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) instances: Vec<Instance>,
    /// How to count the records; without it the only instance tells.
    census: Option<Census>,
}

impl Site {
    pub(super) fn new(instances: Vec<Instance>, census: Option<Census>) -> Self {
        Self { instances, census }
    }

    /// The same site after the end of one of its instances.
    pub(crate) fn without(mut self, number: usize) -> Self {
        self.instances.remove(number);
        self
    }

    /// A browser without cookies, whose requests go to the instances in turn.
    pub(crate) fn visitor(&self) -> Browser {
        Browser::new(self.addresses())
    }

    /// A client that sends this `Cookie` header with every request and keeps no cookies.
    pub(crate) fn bearer(&self, cookie: &str) -> Browser {
        Browser::bearing(self.addresses(), "cookie", cookie)
    }

    /// A client that sends a header of its own with every request.
    pub(crate) fn client(&self, header: &'static str, value: &str) -> Browser {
        Browser::bearing(self.addresses(), header, value)
    }

    /// Asks every instance whether it is ready, as a load balancer does before it sends anybody
    /// there. What that costs the store is not counted.
    pub(super) async fn ready(&self) {
        for address in self.addresses() {
            Browser::new(vec![address]).get("/readyz").await.ok();
        }
        self.reset_store_calls().await;
    }

    /// A visitor with a session in which `key` is `value`.
    pub(crate) async fn visitor_with(&self, key: &str, value: &str) -> Browser {
        let visitor = self.visitor();
        visitor.post(&format!("/set/{key}/{value}")).await.ok();
        visitor
    }

    /// The address of one instance.
    pub(crate) fn address(&self) -> SocketAddr {
        self.instances[0].address()
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(Instance::address).collect()
    }

    /// What the store was asked for since the last reset, over all instances.
    pub(crate) async fn store_calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for address in self.addresses() {
            let answer = Browser::new(vec![address]).get("/debug/store-calls").await;
            let counts: BTreeMap<String, u64> = serde_json::from_str(&answer.body).unwrap();
            for (name, count) in counts {
                *calls.entry(name).or_default() += count;
            }
        }
        calls
    }

    /// Fails unless the store was asked for exactly this since the last reset.
    pub(crate) async fn assert_store_calls(&self, expected: &[(&str, u64)], what: &str) {
        let expected = expected
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        let expected: BTreeMap<_, _> = expected.collect();
        assert_eq!(self.store_calls().await, expected, "{what}");
    }

    /// Fails if the store was asked for a session since the last reset. The row in which a farm
    /// compares its keys is looked at once in five seconds, however many unknown keys come.
    pub(crate) async fn assert_no_session_asked_for(&self, what: &str) {
        let mut calls = self.store_calls().await;
        let rows = calls.remove("meta_get").unwrap_or(0);
        assert!(
            rows <= 2 * self.instances.len() as u64,
            "{what}: {rows} rows"
        );
        assert_eq!(calls, BTreeMap::new(), "{what}");
    }

    /// Waits until `operation` was asked for `count` times since the last reset.
    pub(crate) async fn until_called(&self, operation: &str, count: u64) {
        const SOON: Duration = Duration::from_secs(10);
        let reached = async {
            while self
                .store_calls()
                .await
                .get(operation)
                .copied()
                .unwrap_or(0)
                < count
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = tokio::time::timeout(SOON, reached).await;
        reached.unwrap_or_else(|_| panic!("{operation} was not asked for {count} times"));
    }

    pub(crate) async fn reset_store_calls(&self) {
        for address in self.addresses() {
            let browser = Browser::new(vec![address]);
            browser.post("/debug/reset-store-calls").await.ok();
        }
    }

    /// How many records the store holds.
    pub(crate) async fn sessions(&self) -> u64 {
        if let Some(census) = &self.census {
            return census.sessions().await;
        }
        let answer = self.visitor().get("/debug/sessions").await;
        answer.json()["sessions"].as_u64().unwrap()
    }
}
