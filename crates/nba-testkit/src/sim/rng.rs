//! Small draws on top of xoshiro256++, so that the same seed gives the same games on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// A stream of draws that belongs to one purpose of one game.
pub(super) struct Draws(Xoshiro256PlusPlus);

impl Draws {
    /// A stream for this key; different keys give unrelated streams.
    pub(super) fn new(key: u64) -> Self {
        Draws(Xoshiro256PlusPlus::seed_from_u64(key))
    }

    /// Uniform in `0..bound`; `bound` 0 gives 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        scale(self.0.next_u64() >> 32, bound)
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Uniform position in a slice of this length.
    pub(super) fn index(&mut self, len: usize) -> usize {
        let bound = u32::try_from(len).unwrap_or(u32::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// Uniform element.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(top_half(self.0.next_u64())) / 4_294_967_296.0
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Position drawn in proportion to its weight; the last one when all weights are zero.
    pub(super) fn weighted(&mut self, weights: &[u16]) -> usize {
        let total: u32 = weights.iter().map(|&w| u32::from(w)).sum();
        let mut left = self.below(total);
        for (position, &weight) in weights.iter().enumerate() {
            let weight = u32::from(weight);
            if left < weight {
                return position;
            }
            left -= weight;
        }
        weights.len().saturating_sub(1)
    }

    /// Roughly normal with mean 0 and standard deviation 1: the sum of four uniforms, so never beyond ±3.5.
    pub(super) fn normal(&mut self) -> f64 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732_050_8
    }

    /// Fisher–Yates.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

/// Mixes a key with one more number (splitmix64's finaliser).
pub(super) fn mix(key: u64, with: u64) -> u64 {
    let mut z = key ^ with.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn top_half(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or(u32::MAX)
}

fn scale(half: u64, bound: u32) -> u32 {
    u32::try_from((half * u64::from(bound)) >> 32).unwrap_or(0)
}
