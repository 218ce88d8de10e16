//! Which of several servers keeps what.

use super::address::Address;

/// The servers of a farm, by what they are called. Each route has one of them, by rendezvous
/// hashing: every server bids for the route and the highest bid wins, so a server that is added
/// takes its share from all others and nothing else moves. The order of the list does not
/// matter; the names do, so all instances must write them alike.
#[derive(Debug)]
pub(super) struct Partition {
    seeds: Vec<u64>,
}

impl Partition {
    pub(super) fn new<'a>(servers: impl IntoIterator<Item = &'a Address>) -> Self {
        let seeds = servers.into_iter();
        let seeds = seeds.map(|server| hash(server.to_string().as_bytes()));
        Self {
            seeds: seeds.collect(),
        }
    }

    /// The number of the server for `what`, such as a route.
    pub(super) fn of(&self, what: &[u8]) -> usize {
        if self.seeds.len() == 1 {
            return 0;
        }
        let what = hash(what);
        let bids = self.seeds.iter().map(|seed| mix(seed ^ what));
        let bids = bids.enumerate().max_by_key(|(_, bid)| *bid);
        bids.map_or(0, |(number, _)| number)
    }
}

/// FNV-1a, which is all that spreading needs: names come from the configuration and routes are
/// random. It is part of the format: instances of different versions must agree.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash)
}

/// Lets every bit have a say in every other: the finalizer of SplitMix64.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Vec<Address> {
        let server = |number| Address::Tcp(format!("state-{number}.example"), 42424);
        (0..count).map(server).collect()
    }

    /// The server of each of the 65,536 routes.
    fn map(servers: &[Address]) -> Vec<&Address> {
        let partition = Partition::new(servers);
        let routes = 0..=u16::MAX;
        routes
            .map(|route| &servers[partition.of(&route.to_be_bytes())])
            .collect()
    }

    #[test]
    fn a_fourth_server_takes_a_quarter_and_nothing_else_moves() {
        let four = servers(4);
        let before = map(&four[..3]);
        let after = map(&four);
        let moved: Vec<_> = before
            .iter()
            .zip(&after)
            .filter(|(old, new)| old != new)
            .collect();
        assert!(moved.iter().all(|(_, new)| **new == &four[3]));
        let share = moved.len() as f64 / before.len() as f64;
        assert!((0.23..0.27).contains(&share), "{share}");
    }

    #[test]
    fn servers_have_about_equal_shares() {
        for count in [2, 3, 5, 8] {
            let servers = servers(count);
            let map = map(&servers);
            for server in &servers {
                let owned = map.iter().filter(|owner| **owner == server).count();
                let share = owned as f64 * count as f64 / map.len() as f64;
                assert!((0.9..1.1).contains(&share), "{count}: {share}");
            }
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let servers = servers(3);
        let reversed: Vec<_> = servers.iter().rev().cloned().collect();
        assert_eq!(map(&servers), map(&reversed));
    }

    #[test]
    fn the_assignment_is_part_of_the_format() {
        let partition = Partition::new(&servers(3));
        let of = |route: [u8; 2]| partition.of(&route);
        let owners = [[0, 0], [0, 1], [1, 0], [127, 9], [255, 255]].map(of);
        // Reckoned by an independent program.
        assert_eq!(owners, [2, 2, 0, 2, 0]);
    }
}
