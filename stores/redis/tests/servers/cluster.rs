//! A cluster of three primaries on loopback.

use std::time::Duration;

use redis::Value;

use crate::server::{RedisServer, free_port};

/// Three primaries that share the slots.
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

/// The first slot of each node, and the end.
const BOUNDS: [u16; 4] = [0, 5461, 10923, 16384];

const OPTIONS: [&str; 4] = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];

impl RedisCluster {
    pub(crate) async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(RedisServer::start_at(free_port(), &OPTIONS).await);
        }
        let cluster = Self { nodes };
        cluster.join().await;
        cluster
    }

    async fn join(&self) {
        for (node, bounds) in self.nodes.iter().zip(BOUNDS.windows(2)) {
            let (first, last) = (bounds[0].to_string(), (bounds[1] - 1).to_string());
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])
                .await;
            let port = self.nodes[0].port.to_string();
            node.command(&["CLUSTER", "MEET", "127.0.0.1", &port]).await;
        }
        for node in &self.nodes {
            node.wait_for(&["CLUSTER", "INFO"], "cluster_state:ok")
                .await;
            node.wait_for(&["CLUSTER", "INFO"], "cluster_known_nodes:3")
                .await;
        }
        // Each has to have heard of the slots of all.
        for node in &self.nodes {
            node.wait_for(&["CLUSTER", "INFO"], "cluster_slots_ok:16384")
                .await;
        }
    }

    /// Adds a replica of a node and waits until it has what the node has.
    pub(crate) async fn add_replica(&self, node: usize) -> RedisServer {
        let replica = RedisServer::start_at(free_port(), &OPTIONS).await;
        let port = self.nodes[node].port.to_string();
        let id = self.id(node).await;
        replica
            .command(&["CLUSTER", "MEET", "127.0.0.1", &port])
            .await;
        replica
            .wait_for(&["CLUSTER", "INFO"], "cluster_known_nodes:4")
            .await;
        replica.wait_for(&["CLUSTER", "REPLICATE", &id], "OK").await;
        replica
            .wait_for(&["INFO", "replication"], "master_link_status:up")
            .await;
        for node in &self.nodes {
            node.wait_for(&["CLUSTER", "NODES"], &format!("slave {id}"))
                .await;
        }
        replica
    }

    /// A URL that names one of the nodes.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("redis-cluster://{}{rest}", self.nodes[0].address())
    }

    /// The node that keeps a slot at the start.
    pub(crate) fn owner(&self, slot: u16) -> usize {
        BOUNDS[1..].iter().position(|end| slot < *end).unwrap()
    }

    pub(crate) async fn id(&self, node: usize) -> String {
        let id = self.nodes[node].command(&["CLUSTER", "MYID"]).await;
        redis::from_redis_value(id).unwrap()
    }

    /// Begins to move a slot.
    pub(crate) async fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let (source, target) = (self.id(from).await, self.id(to).await);
        let words = ["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source];
        self.nodes[to].command(&words).await;
        let words = ["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target];
        self.nodes[from].command(&words).await;
    }

    /// Moves the keys of a slot.
    pub(crate) async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let words = ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "1000"];
        let keys: Vec<String> =
            redis::from_redis_value(self.nodes[from].command(&words).await).unwrap();
        let port = self.nodes[to].port.to_string();
        for key in keys {
            let words = ["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"];
            self.nodes[from].command(&words).await;
        }
    }

    /// Ends the move of a slot.
    pub(crate) async fn end_move(&self, slot: u16, to: usize) {
        let target = self.id(to).await;
        for node in [to, 0, 1, 2] {
            let slot = slot.to_string();
            let words = ["CLUSTER", "SETSLOT", &slot, "NODE", &target];
            self.nodes[node].command(&words).await;
        }
    }
}

impl RedisServer {
    /// Asks until the answer has this text in it.
    pub(crate) async fn wait_for(&self, words: &[&str], text: &str) {
        for _ in 0..1_000 {
            if let Ok(answer) = self.try_command(words).await
                && shown(&answer).contains(text)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{words:?} never said {text}");
    }
}

fn shown(answer: &Value) -> String {
    match answer {
        Value::Okay => "OK".to_owned(),
        answer => redis::from_redis_value(answer.clone()).unwrap_or_default(),
    }
}
