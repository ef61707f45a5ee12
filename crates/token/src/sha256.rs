//! SHA-256 (FIPS 180-4) and HMAC (RFC 2104), built on sha2's compression function alone.
//!
//! The messages hashed here are short: a token value is a single block. The buffering of the general hasher would cost
//! a third of the time of such a block, and a twentieth of the verification module.

mod block;
#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod four;

use self::block::{BLOCK, START, wipe};
use crate::shape;
use core::slice;
use sha2::block_api::compress256;

/// The hash of one message.
pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    finish(START, 0, message)
}

/// The hashes of four token values, or of messages that are no longer.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) fn sha256_of_four(messages: [&[u8]; 4]) -> [[u8; 32]; 4] {
    four::sha256_of_four(messages)
}

/// The hashes of four messages. Other targets have instructions for SHA-256, or nothing that would make this faster.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) fn sha256_of_four(messages: [&[u8]; 4]) -> [[u8; 32]; 4] {
    messages.map(sha256)
}

/// HMAC of a message. The key is padded with zeros to a block.
pub(crate) fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let keyed = |pad: u8| {
        let mut block: [u8; BLOCK] = shape::array(key);
        block.iter_mut().for_each(|byte| *byte ^= pad);
        let mut state = START;
        compress256(&mut state, slice::from_ref(&block));
        wipe(&mut block);
        state
    };
    let inner = finish(keyed(0x36), BLOCK, message);
    finish(keyed(0x5c), BLOCK, &inner)
}

/// Hashes the last part of a message, after `before` bytes, whole blocks, have gone into `state`.
fn finish(mut state: [u32; 8], before: usize, message: &[u8]) -> [u8; 32] {
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    compress256(&mut state, blocks);
    let mut last: [u8; BLOCK] = shape::array(rest);
    if let Some(end) = last.get_mut(rest.len()) {
        *end = 0x80;
    }
    if rest.len() >= BLOCK - size_of::<u64>() {
        compress256(&mut state, slice::from_ref(&last));
        last = [0; BLOCK];
    }
    let bits = 8 * (before + message.len()) as u64;
    last.iter_mut().rev().zip(bits.to_le_bytes()).for_each(|(to, from)| *to = from);
    compress256(&mut state, slice::from_ref(&last));
    wipe(&mut last);
    let mut hash = [0; 32];
    hash.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(to, from)| *to = from.to_be_bytes());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::{Digest as _, Sha256};

    #[test]
    fn sha256_and_hmac_agree_with_the_sha2_and_hmac_crates() {
        let message: [u8; 200] = core::array::from_fn(|place| (place * 37 + 11) as u8);
        for length in 0..=message.len() {
            let message = &message[..length];
            assert_eq!(sha256(message), <[u8; 32]>::from(Sha256::digest(message)), "length {length}");
            let mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap().chain_update(message).finalize();
            assert_eq!(hmac(&[7; 32], message), <[u8; 32]>::from(mac.into_bytes()), "length {length}");
        }
    }
}
