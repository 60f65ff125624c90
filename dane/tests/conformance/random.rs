//! Choices that look random and are the same in every run.

/// A generator of numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one round of many, so that each can be repeated without those before it.
    pub(crate) fn of_round(seed: u64, round: u64) -> Self {
        let mut random = Self(seed ^ round.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// Some octets changed, inserted, removed, doubled or cut off, with a bias to what DER takes for lengths and tags.
    pub(crate) fn garble(&mut self, bytes: &mut Vec<u8>) {
        const INTERESTING: [u8; 14] = [0, 1, 2, 3, 4, 5, 6, 0x30, 0x7f, 0x80, 0x81, 0x82, 0xa3, 0xff];
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let octet = if self.once_in(2) { self.next() as u8 } else { *self.pick(&INTERESTING) };
            match self.below(8) {
                _ if bytes.is_empty() => bytes.push(octet),
                0 => bytes.insert(at, octet),
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                3 => {
                    let part = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                4 => bytes[at] ^= 1 << self.below(8),
                _ => bytes[at] = octet,
            }
        }
    }
}
