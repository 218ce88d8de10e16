//! What the shop sells, and what a visitor has chosen of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_core::Key;

/// The cart's place in the session; the key knows the type of its value.
pub(crate) const CART: Key<Cart> = Key::new("cart");

/// Nobody drinks more.
const MOST: u32 = 99;

#[derive(Debug)]
pub(crate) struct Tea {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) cents: u32,
}

pub(crate) const TEAS: [Tea; 3] = [
    Tea {
        id: "assam",
        name: "Assam, malty",
        cents: 650,
    },
    Tea {
        id: "sencha",
        name: "Sencha, fresh",
        cents: 890,
    },
    Tea {
        id: "rooibos",
        name: "Rooibos, mild",
        cents: 540,
    },
];

pub(crate) fn tea(id: &str) -> Option<&'static Tea> {
    TEAS.iter().find(|tea| tea.id == id)
}

/// Packets by the id of their tea. Prices are looked up, not stored: what a session holds may be
/// hours old.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cart {
    packets: BTreeMap<String, u32>,
}

impl Cart {
    pub(crate) fn with(mut self, tea: &Tea) -> Self {
        let packets = self.packets.entry(tea.id.to_owned()).or_default();
        *packets = (*packets + 1).min(MOST);
        self
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = (&'static Tea, u32)> {
        let known = |(id, packets): (&String, &u32)| Some((tea(id)?, *packets));
        self.packets.iter().filter_map(known)
    }

    pub(crate) fn cents(&self) -> u32 {
        self.items().map(|(tea, packets)| tea.cents * packets).sum()
    }
}
