//! The checksum: CRC-32 as six base62 digits. It needs no key, so a scanner or a browser can recognise a token.

use crate::base62;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The checksum of `text`, which is everything in a token value before its checksum.
pub(crate) fn of(text: &[u8]) -> [u8; 6] {
    base62::six_digits(u64::from(crc_32(text)))
}

/// CRC-32/ISO-HDLC, as in zip, PNG and Ethernet (IEEE 802.3): reflected, initial value and final XOR all ones.
///
/// It processes four bytes per step ("slicing by 4"), each with its own table. Every verified token passes through
/// here: the 40 bytes before a checksum take 22 ns (25 ns as wasm), and 59 ns (66 ns) with the `crc` crate's table of 1
/// KiB, which the verification module would have to contain. Its table of 16 KiB is no faster than this.
fn crc_32(text: &[u8]) -> u32 {
    if !FILLED.load(Ordering::Acquire) {
        fill();
    }
    let (words, rest) = text.as_chunks::<4>();
    let crc = words.iter().fold(u32::MAX, |crc, word| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*word)).to_le_bytes();
        look_up(3, a) ^ look_up(2, b) ^ look_up(1, c) ^ look_up(0, d)
    });
    !rest.iter().fold(crc, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        look_up(0, low ^ byte) ^ (crc >> 8)
    })
}

/// The contribution of `byte` to the remainder after `zeros` more bytes.
#[inline(always)]
fn look_up(zeros: usize, byte: u8) -> u32 {
    TABLES.get(zeros).and_then(|table| table.get(usize::from(byte))).map_or(0, |entry| entry.load(Ordering::Relaxed))
}

/// Filled at the first use, so that the verification module need not contain 4 KiB of incompressible data, a sixth of
/// its size.
static TABLES: [[AtomicU32; 256]; 4] = [const { [const { AtomicU32::new(0) }; 256] }; 4];

/// Set only after the tables are complete. Two threads that fill them at once write the same values.
static FILLED: AtomicBool = AtomicBool::new(false);

#[cold]
fn fill() {
    /// The CRC-32 polynomial, lowest power first.
    const POLYNOMIAL: u32 = 0xedb8_8320;

    for byte in 0..=u8::MAX {
        let mut remainder = u32::from(byte);
        for entry in TABLES.iter().filter_map(|table| table.get(usize::from(byte))) {
            for _ in 0..8 {
                remainder = (remainder >> 1) ^ (POLYNOMIAL * (remainder & 1));
            }
            entry.store(remainder, Ordering::Relaxed);
        }
    }
    FILLED.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_32_agrees_with_the_crc_crate_at_every_length() {
        let other = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
        let text: [u8; 64] = core::array::from_fn(|place| (place * 37 + 11) as u8);
        for length in 0..=text.len() {
            assert_eq!(crc_32(&text[..length]), other.checksum(&text[..length]), "length {length}");
        }
    }

    #[test]
    fn crc_32_gives_the_check_value_of_the_crc_catalogue() {
        assert_eq!(crc_32(b"123456789"), 0xcbf4_3926);
    }
}
