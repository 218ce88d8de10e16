//! [`Walker`]: one visitor, one request after the other.

use std::sync::Arc;
use std::time::Instant;

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method};

use super::rotation::Rotation;
use super::tally::Tally;

/// One visitor, who knows what the session must contain.
#[derive(Debug)]
pub(super) struct Walker {
    name: String,
    client: Client,
    rotation: Arc<Rotation>,
    session: Option<Session>,
    tally: Tally,
}

/// What the visitor knows of the session.
#[derive(Debug)]
struct Session {
    cookie: String,
    /// Increments that were acknowledged.
    least: u64,
    /// With those that were asked for and never answered.
    most: u64,
}

/// An answer as far as the visitor looks at it.
#[derive(Debug)]
struct Answer {
    status: u16,
    cookie: Option<String>,
    body: String,
}

impl Walker {
    pub(super) fn new(number: usize, rotation: Arc<Rotation>) -> Self {
        Self {
            name: format!("walker-{number}"),
            client: Client::builder().no_proxy().build().unwrap(),
            rotation,
            session: None,
            tally: Tally::default(),
        }
    }

    /// Walks until `end`, and has a last look at the session when all is quiet again.
    pub(super) async fn walk(mut self, end: Instant) -> Self {
        let mut turn = 0;
        while Instant::now() < end {
            self.step(turn).await;
            turn += 1;
        }
        self
    }

    /// The last look.
    pub(super) async fn settle(mut self) -> Tally {
        self.look().await;
        self.tally
    }

    async fn step(&mut self, turn: u64) {
        if self.session.is_none() {
            return self.begin().await;
        }
        match turn % 40 {
            39 => self.log_out().await,
            19 => self.renew().await,
            5 | 25 => self.increment("?delay_ms=30").await,
            turn if turn % 2 == 0 => self.increment("").await,
            _ => self.look().await,
        }
    }

    async fn begin(&mut self) {
        let path = format!("/set/who/{}", self.name);
        let Some(answer) = self.ask(Method::POST, &path).await else {
            return;
        };
        self.session = answer.cookie.map(|cookie| Session {
            cookie,
            least: 0,
            most: 0,
        });
    }

    async fn increment(&mut self, query: &str) {
        let answer = self
            .ask(Method::POST, &format!("/increment/n{query}"))
            .await;
        let Some(session) = &mut self.session else {
            return;
        };
        session.most += 1;
        let Some(answer) = answer else {
            return;
        };
        session.least += 1;
        if answer.cookie.is_some() {
            self.lose();
        }
    }

    /// Reads the counter and the name.
    async fn look(&mut self) {
        let Some(session) = &self.session else {
            return;
        };
        let (least, most) = (session.least, session.most);
        if let Some(answer) = self.ask(Method::GET, "/get/who").await {
            match answer.status {
                200 if answer.body == self.name => {}
                200 => self.tally.wrong_reads += 1,
                _ => return self.lose(),
            }
        }
        let Some(answer) = self.ask(Method::GET, "/get/n").await else {
            return;
        };
        let number = match answer.status {
            200 => answer.body.parse().unwrap_or(u64::MAX),
            _ => 0,
        };
        self.tally.lost_writes += u64::from(number < least);
        self.tally.wrong_reads += u64::from(number > most);
        if let Some(session) = &mut self.session {
            session.least = number;
        }
    }

    async fn renew(&mut self) {
        let Some(answer) = self.ask(Method::POST, "/renew").await else {
            // Whether it was renewed is anybody's guess, and what the new id is.
            return self.abandon();
        };
        let renewed = answer.cookie.zip(self.session.take());
        let Some((cookie, mut session)) = renewed else {
            self.tally.lost_sessions += 1;
            return;
        };
        let old = std::mem::replace(&mut session.cookie, cookie);
        self.session = Some(session);
        self.check_dead(&old).await;
    }

    async fn log_out(&mut self) {
        if self.ask(Method::POST, "/logout").await.is_none() {
            return self.abandon();
        }
        if let Some(session) = self.session.take() {
            self.check_dead(&session.cookie).await;
        }
    }

    /// A session that has ended must be unknown everywhere.
    async fn check_dead(&mut self, cookie: &str) {
        let answer = self.send(Method::GET, "/get/who", Some(cookie)).await;
        let is_alive = answer.is_some_and(|answer| answer.status == 200);
        self.tally.revived += u64::from(is_alive);
    }

    fn lose(&mut self) {
        self.session = None;
        self.tally.lost_sessions += 1;
    }

    fn abandon(&mut self) {
        self.session = None;
        self.tally.abandoned += 1;
    }

    /// Asks with the session's cookie. None if the request failed.
    async fn ask(&mut self, method: Method, path: &str) -> Option<Answer> {
        let cookie = self.session.as_ref().map(|session| session.cookie.clone());
        self.send(method, path, cookie.as_deref()).await
    }

    async fn send(&mut self, method: Method, path: &str, cookie: Option<&str>) -> Option<Answer> {
        let began = Instant::now();
        let answer = self.try_send(method, path, cookie).await;
        let answer = answer.filter(|answer| answer.status < 500);
        self.tally.requests += 1;
        self.tally.failed += u64::from(answer.is_none());
        self.tally.slowest = self.tally.slowest.max(began.elapsed());
        answer
    }

    /// As a load balancer does, goes on to the next instance if one cannot be connected to.
    async fn try_send(&self, method: Method, path: &str, cookie: Option<&str>) -> Option<Answer> {
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            let url = format!("http://{}{path}", self.rotation.next());
            let mut request = self.client.request(method.clone(), url);
            if let Some(cookie) = cookie {
                request = request.header(COOKIE, cookie);
            }
            match request.send().await {
                Ok(response) => return read(response).await,
                Err(error) if error.is_connect() => {}
                Err(_) => return None,
            }
        }
        None
    }
}

async fn read(response: reqwest::Response) -> Option<Answer> {
    let status = response.status().as_u16();
    let line = response.headers().get(SET_COOKIE);
    let line = line.map(|line| line.to_str().unwrap());
    let pair = line.and_then(|line| line.split(';').next());
    Some(Answer {
        status,
        cookie: pair.map(str::to_owned),
        body: response.text().await.ok()?,
    })
}
