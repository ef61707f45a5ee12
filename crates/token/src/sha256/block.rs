//! The block of SHA-256, and the state before the first one.

use zeroize::optimization_barrier;

/// Its length in bytes.
pub(super) const BLOCK: usize = 64;

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes (section 5.3.3).
pub(super) const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Wipes a block that held a secret, in a few wide stores that the barrier keeps the compiler from removing. `Zeroize`
/// writes each byte separately, which takes a quarter of the time of the hash.
pub(super) fn wipe(block: &mut [u8; BLOCK]) {
    *block = [0; BLOCK];
    optimization_barrier(block);
}
