//! [`Visitor`]: a browser, as far as the farm can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;

/// A browser, as far as the farm can tell.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    url: String,
}

/// What became of a visitor's requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) failed: Vec<String>,
}

impl Visitor {
    pub(crate) fn of(url: &str) -> Self {
        // A connection of its own for each request, as different visitors have.
        let client = Client::builder()
            .cookie_store(true)
            .pool_max_idle_per_host(0);
        Self {
            client: client.build().expect("a client"),
            url: url.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await.expect(path)
    }

    /// The text of the page.
    pub(crate) async fn page(&self) -> String {
        self.get("/").await.text().await.expect("a page")
    }

    /// Submits a form; the page that it leads to.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let request = self.client.post(format!("{}{path}", self.url));
        let answer = request.form(fields).send().await.expect(path);
        answer.text().await.expect("a page")
    }

    /// One visit; what the session holds then.
    pub(crate) async fn visit(&self) -> Value {
        self.try_visit().await.expect("a visit")
    }

    /// The number of visits so far, without one.
    pub(crate) async fn visits(&self) -> u64 {
        let told: Value = self.get("/whoami").await.json().await.expect("a session");
        told["visits"].as_u64().expect("a number")
    }

    async fn try_visit(&self) -> Result<Value, String> {
        let request = self.client.post(format!("{}/visit", self.url));
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(status.to_string());
        }
        answer.json().await.map_err(|error| format!("{error:?}"))
    }

    /// Visits again and again until told to stop.
    pub(crate) fn keep_visiting(&self) -> Visits {
        let enough = Arc::new(AtomicBool::new(false));
        let (visitor, stop) = (self.clone(), Arc::clone(&enough));
        let task = tokio::spawn(async move {
            let mut tally = Tally::default();
            while !stop.load(Ordering::Relaxed) {
                match visitor.try_visit().await {
                    Ok(_) => tally.answered += 1,
                    Err(why) => tally.failed.push(why),
                }
            }
            tally
        });
        Visits { enough, task }
    }
}

/// A visitor's requests that go on.
pub(crate) struct Visits {
    enough: Arc<AtomicBool>,
    task: JoinHandle<Tally>,
}

impl Visits {
    pub(crate) async fn stop(self) -> Tally {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.expect("a tally")
    }
}
