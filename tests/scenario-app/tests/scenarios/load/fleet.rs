//! [`Fleet`]: instances that come and go under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::rotation::Rotation;
use super::tally::Tally;
use super::walker::Walker;
use crate::harness::{Browser, Farm, Instance, Settings};

/// How long a load balancer goes on sending requests to an instance that is to be taken out.
const NOTICE: Duration = Duration::from_millis(50);

/// Instances that come and go under load.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    farm: &'a Farm,
    settings: Settings,
    instances: Vec<Instance>,
    rotation: Arc<Rotation>,
}

impl<'a> Fleet<'a> {
    pub(crate) async fn open(farm: &'a Farm, count: usize, settings: Settings) -> Self {
        let mut fleet = Self {
            farm,
            settings,
            instances: Vec::new(),
            rotation: Arc::default(),
        };
        for _ in 0..count {
            fleet.add().await;
        }
        fleet
    }

    /// Starts an instance, and sends it requests once it is ready.
    async fn add(&mut self) {
        let instance = self.farm.instance(&self.settings).await;
        let probe = Browser::new(vec![instance.address()]);
        while probe.get("/readyz").await.status != 200 {
            sleep(NOTICE).await;
        }
        self.rotation.add(instance.address());
        self.instances.push(instance);
    }

    /// Restarts the oldest instance as a deployment does: it gets no new requests, answers
    /// those that it has, and another one takes its place.
    pub(crate) async fn recycle(&mut self) {
        let mut oldest = self.instances.remove(0);
        self.rotation.remove(oldest.address());
        sleep(NOTICE).await;
        oldest.signal(Signal::TERM);
        assert_eq!(oldest.ended().await, Some(0), "{}", oldest.log());
        self.add().await;
    }

    /// Kills the oldest instance; only then is it taken out, and another one takes its place.
    pub(crate) async fn kill(&mut self) {
        let mut oldest = self.instances.remove(0);
        oldest.signal(Signal::KILL);
        oldest.ended().await;
        self.rotation.remove(oldest.address());
        self.add().await;
    }

    /// Sends requests from `count` visitors until `end`.
    pub(crate) fn load(&self, count: usize, end: Instant) -> Load {
        let walker = |number| Walker::new(number, Arc::clone(&self.rotation));
        let walkers = (0..count).map(|number| tokio::spawn(walker(number).walk(end)));
        Load(walkers.collect())
    }
}

/// Visitors on their way.
#[derive(Debug)]
pub(crate) struct Load(Vec<JoinHandle<Walker>>);

impl Load {
    /// Waits for the end, and for every visitor's last look when nobody writes any more.
    pub(crate) async fn finished(self) -> Tally {
        let walkers = join_all(self.0).await;
        let last = walkers.into_iter().map(|walker| walker.unwrap().settle());
        let mut all = Tally::default();
        for tally in join_all(last).await {
            all += tally;
        }
        all
    }
}
