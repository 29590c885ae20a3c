//! Exact sums from per-item formulas: no random walk, no remainder to push somewhere.

use std::ops::RangeInclusive;

/// Takes `count` items spread evenly over a list; all of them when it has fewer.
pub(super) fn pick<T: Copy>(list: &[T], count: usize) -> Vec<T> {
    let count = count.min(list.len());
    (0..count)
        .map(|k| list[(2 * k + 1) * list.len() / (2 * count)])
        .collect()
}

/// How a total is handed out.
#[derive(Debug, Clone)]
pub(super) struct Total {
    /// Bounds of the mean; a total outside is moved to the nearest bound.
    pub(super) per_game: RangeInclusive<u64>,
    /// Largest deviation of one item from the mean.
    pub(super) deviation: u64,
}

impl Total {
    /// `items` numbers that add up to `total`: an even share each, then neighbours trade up to `deviation`.
    pub(super) fn distribute(&self, items: usize, total: u64) -> impl Iterator<Item = u64> {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        let total = total.clamp(self.per_game.start() * items, self.per_game.end() * items);
        let deviation = self.deviation;
        (0..items).map(move |i| {
            let even = (i + 1) * total / items - i * total / items;
            let traded = scramble(i / 2) % (deviation + 1);
            match (i % 2, i + 1 == items) {
                // The last item of an odd list has nobody to trade with.
                (0, true) => even,
                (0, false) => even + traded,
                _ => even - traded,
            }
        })
    }
}

/// A fixed mixing of small numbers (the finaliser of splitmix64).
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
