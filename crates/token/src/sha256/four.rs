//! SHA-256 of four short messages at a time: one in each 32-bit lane of a vector.
//!
//! No library does this for WebAssembly. Hashes of different messages do not depend on each other, so a vector unit
//! computes four in the time of two.

use super::block::{BLOCK, START, wipe};
use crate::shape;

/// How many messages are hashed at a time.
pub(crate) const LANES: usize = 4;

/// The longest message whose padding is in the same block, in bytes.
const LONGEST: usize = BLOCK - 1 - size_of::<u64>();

const _: () = assert!(shape::LONGEST <= LONGEST, "a token value is a single block");

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2).
#[rustfmt::skip]
const ROUNDS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The hashes of four messages, each at most as long as the longest token value: what is longer is cut off.
pub(crate) fn sha256_of_four(messages: [&[u8]; LANES]) -> [[u8; 32]; LANES] {
    let mut blocks = messages.map(padded);
    let mut words = [Vector::splat(0); 16];
    for (at, word) in words.iter_mut().enumerate() {
        *word = Vector::new(blocks.each_ref().map(|block| {
            let (words, _) = block.as_chunks::<4>();
            words.get(at).map_or(0, |bytes| u32::from_be_bytes(*bytes))
        }));
    }
    let state = compress(words);
    blocks.iter_mut().for_each(wipe);
    let state = state.map(Vector::lanes);
    core::array::from_fn(|lane| {
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&state) {
            *bytes = word.get(lane).copied().unwrap_or_default().to_be_bytes();
        }
        hash
    })
}

/// The only block of a message: the message, a bit, zeros, and the length in bits (section 5.1.1).
fn padded(message: &[u8]) -> [u8; BLOCK] {
    let message = message.get(..LONGEST).unwrap_or(message);
    let mut block: [u8; BLOCK] = shape::array(message);
    if let Some(end) = block.get_mut(message.len()) {
        *end = 0x80;
    }
    let bits = 8 * message.len() as u64;
    block.iter_mut().rev().zip(bits.to_le_bytes()).for_each(|(to, from)| *to = from);
    block
}

/// The compression function on the initial state (section 6.2.2). The names are those of the standard.
fn compress(mut words: [Vector; 16]) -> [Vector; 8] {
    let start = START.map(Vector::splat);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = start;
    for (sixteenth, constants) in ROUNDS.as_chunks::<16>().0.iter().enumerate() {
        if sixteenth > 0 {
            extend(&mut words);
        }
        for (word, constant) in words.iter().zip(constants) {
            let sum_1 = e.rotate::<6>().xor(e.rotate::<11>()).xor(e.rotate::<25>());
            let choice = e.choose(f, g);
            let first = h.add(sum_1).add(choice).add(Vector::splat(*constant)).add(*word);
            let sum_0 = a.rotate::<2>().xor(a.rotate::<13>()).xor(a.rotate::<22>());
            // Where `a` and `b` differ, `c` decides.
            let majority = a.xor(b).choose(c, a);
            (h, g, f, e) = (g, f, e, d.add(first));
            (d, c, b, a) = (c, b, a, first.add(sum_0).add(majority));
        }
    }
    let ended = [a, b, c, d, e, f, g, h];
    core::array::from_fn(|at| match (start.get(at), ended.get(at)) {
        (Some(start), Some(ended)) => start.add(*ended),
        _ => Vector::splat(0),
    })
}

/// Replaces sixteen words of the message schedule by the next sixteen.
fn extend(words: &mut [Vector; 16]) {
    for at in 0..16 {
        let word = |back: usize| words.get((at + 16 - back) % 16).copied().unwrap_or(Vector::splat(0));
        let (near, far) = (word(2), word(15));
        let sigma_1 = near.rotate::<17>().xor(near.rotate::<19>()).xor(near.shift::<10>());
        let sigma_0 = far.rotate::<7>().xor(far.rotate::<18>()).xor(far.shift::<3>());
        let next = word(16).add(sigma_0).add(word(7)).add(sigma_1);
        if let Some(place) = words.get_mut(at) {
            *place = next;
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use simd::Vector;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use core::arch::wasm32::{
        u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat, v128, v128_bitselect, v128_or,
        v128_xor,
    };

    #[derive(Clone, Copy)]
    pub(super) struct Vector(v128);

    impl Vector {
        #[inline]
        pub(super) fn new([a, b, c, d]: [u32; 4]) -> Self {
            Self(u32x4(a, b, c, d))
        }

        #[inline]
        pub(super) fn splat(word: u32) -> Self {
            Self(u32x4_splat(word))
        }

        #[inline]
        pub(super) fn lanes(self) -> [u32; 4] {
            let Self(all) = self;
            [
                u32x4_extract_lane::<0>(all),
                u32x4_extract_lane::<1>(all),
                u32x4_extract_lane::<2>(all),
                u32x4_extract_lane::<3>(all),
            ]
        }

        #[inline]
        pub(super) fn add(self, other: Self) -> Self {
            Self(u32x4_add(self.0, other.0))
        }

        #[inline]
        pub(super) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        #[inline]
        pub(super) fn shift<const BITS: u32>(self) -> Self {
            Self(u32x4_shr(self.0, BITS))
        }

        #[inline]
        pub(super) fn rotate<const BITS: u32>(self) -> Self {
            Self(v128_or(u32x4_shr(self.0, BITS), u32x4_shl(self.0, 32 - BITS)))
        }

        /// The bits of `ones` where this has a one, else those of `zeros`.
        #[inline]
        pub(super) fn choose(self, ones: Self, zeros: Self) -> Self {
            Self(v128_bitselect(ones.0, zeros.0, self.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use lanes::Vector;

/// The same without vector instructions, for other targets.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    #[derive(Clone, Copy)]
    pub(super) struct Vector([u32; 4]);

    impl Vector {
        pub(super) fn new(lanes: [u32; 4]) -> Self {
            Self(lanes)
        }

        pub(super) fn splat(word: u32) -> Self {
            Self([word; 4])
        }

        pub(super) fn lanes(self) -> [u32; 4] {
            self.0
        }

        pub(super) fn add(self, other: Self) -> Self {
            self.with(other, u32::wrapping_add)
        }

        pub(super) fn xor(self, other: Self) -> Self {
            self.with(other, |ours, theirs| ours ^ theirs)
        }

        pub(super) fn shift<const BITS: u32>(self) -> Self {
            Self(self.0.map(|lane| lane >> BITS))
        }

        pub(super) fn rotate<const BITS: u32>(self) -> Self {
            Self(self.0.map(|lane| lane.rotate_right(BITS)))
        }

        pub(super) fn choose(self, ones: Self, zeros: Self) -> Self {
            self.with(ones.xor(zeros), |mask, differing| mask & differing).xor(zeros)
        }

        fn with(self, other: Self, of: impl Fn(u32, u32) -> u32) -> Self {
            let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
            Self([of(a, e), of(b, f), of(c, g), of(d, h)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn four_hashes_are_those_of_each_message() {
        let bytes: [u8; 220] = core::array::from_fn(|place| (place * 37 + 11) as u8);
        for length in 0..=LONGEST {
            let messages = [0, 1, 2, 3].map(|lane| &bytes[lane * 50..][..(length + 17 * lane) % (LONGEST + 1)]);
            assert_eq!(
                sha256_of_four(messages),
                messages.map(|message| <[u8; 32]>::from(Sha256::digest(message))),
                "length {length}"
            );
        }
    }
}
