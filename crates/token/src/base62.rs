//! Base62 digits, `0-9A-Za-z`: fixed width, most significant first, padded with `0`.

use crate::NoEntropy;
use core::slice;
use zeroize::Zeroize;

/// How often one digit may be redrawn. A working source is rejected once in 32 times and never needs as many.
const REDRAWS: usize = 64;

/// Bytes below 4 · 62 map to the digits evenly. The 8 above would favour the first digits and are redrawn.
const ACCEPTED: u8 = 4 * 62;

/// Whether all of `text` is base62.
pub(crate) fn all_digits(text: &[u8]) -> bool {
    // `&` instead of `&&`: without an early exit, the compiler compares many bytes at once.
    text.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric())
}

/// The six lowest digits of `value`, that is `value` mod 62⁶.
pub(crate) fn six_digits(value: u64) -> [u8; 6] {
    let mut rest = value;
    digits(|| {
        let lowest = (rest % 62) as u8;
        rest /= 62;
        lowest
    })
}

/// A 128-bit number in 22 digits: 62²² is more than 2¹²⁸. The texts sort as the numbers do.
#[must_use]
pub fn encode_u128(value: u128) -> [u8; 22] {
    let mut rest = value;
    digits(|| {
        let lowest = (rest % 62) as u8;
        rest /= 62;
        lowest
    })
}

/// The digits that `lowest` returns, the lowest one first. Each caller divides in the width of its number: in
/// WebAssembly a 128-bit division takes many times as long as a 64-bit one.
fn digits<const N: usize>(mut lowest: impl FnMut() -> u8) -> [u8; N] {
    let mut digits = [0; N];
    digits.iter_mut().rev().for_each(|place| *place = digit(lowest()));
    digits
}

/// Fills `out` with digits, each of the 62 equally likely.
///
/// They depend only on the bytes that `random` returns, in order: it is called once for all of `out`, then, from the
/// first digit to the last, for one byte at a time to replace a rejected one. A source that writes nothing counts as
/// one that returns only rejected bytes.
///
/// # Errors
///
/// [`NoEntropy`] if a digit was redrawn 64 times without success; `out` is then cleared.
pub(crate) fn draw(out: &mut [u8], random: &mut dyn FnMut(&mut [u8])) -> Result<(), NoEntropy> {
    out.fill(u8::MAX);
    random(out);
    let drawn = out.iter_mut().all(|place| {
        for _ in 0..REDRAWS {
            if *place < ACCEPTED {
                break;
            }
            random(slice::from_mut(place));
        }
        let accepted = *place < ACCEPTED;
        *place = digit(*place % 62);
        accepted
    });
    if drawn {
        Ok(())
    } else {
        out.zeroize();
        Err(NoEntropy)
    }
}

/// The digit of a value below 62, without branches or tables, so that timing does not depend on the value.
const fn digit(value: u8) -> u8 {
    b'0' + value + 7 * (value > 9) as u8 + 6 * (value > 35) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_up_through_the_alphabet() {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        assert!((0..62).map(digit).eq(alphabet.iter().copied()));
    }

    #[test]
    fn six_digits_are_padded_and_wrap_at_62_to_the_6th() {
        let wrap = 62_u64.pow(6);
        assert_eq!(&six_digits(0), b"000000");
        assert_eq!(&six_digits(61), b"00000z");
        assert_eq!(&six_digits(62), b"000010");
        assert_eq!(&six_digits(wrap - 1), b"zzzzzz");
        assert_eq!(&six_digits(wrap), b"000000");
        assert_eq!(six_digits(u64::MAX), six_digits(u64::MAX % wrap));
    }

    #[test]
    fn encoded_128_bit_numbers_have_fixed_width_and_sort_as_numbers() {
        assert_eq!(&encode_u128(0), b"0000000000000000000000");
        assert_eq!(&encode_u128(61), b"000000000000000000000z");
        assert_eq!(&encode_u128(62), b"0000000000000000000010");
        assert_eq!(&encode_u128(u128::MAX), b"7n42DGM5Tflk9n8mt7Fhc7");
        let ascending = [0, 9, 10, 35, 36, 61, 62, u128::from(u64::MAX), u128::MAX];
        assert!(ascending.map(encode_u128).is_sorted());
    }

    #[test]
    fn rejected_random_bytes_are_redrawn_one_by_one_in_order() {
        let stream = [0, 255, 61, 248, 247, 1, 254, 62];
        let mut next = stream.iter().copied();
        let mut out = [0; 5];
        let mut asked = [0; 4];
        let mut calls = asked.iter_mut();
        draw(&mut out, &mut |bytes: &mut [u8]| {
            *calls.next().unwrap() = bytes.len();
            bytes.fill_with(|| next.next().unwrap());
        })
        .unwrap();
        // 0, 255 → 1, 61, 248 → 254 → 62, 247.
        assert_eq!(&out, b"01z0z");
        assert_eq!(asked, [5, 1, 1, 1]);
    }

    #[test]
    fn source_without_entropy_fails_and_clears_the_output() {
        let sources: [fn(&mut [u8]); 3] = [|_| (), |bytes| bytes.fill(248), |bytes| bytes.fill(255)];
        for mut source in sources {
            let mut out = [1; 24];
            assert_eq!(draw(&mut out, &mut source), Err(NoEntropy));
            assert_eq!(out, [0; 24]);
        }
    }

    #[test]
    fn every_digit_is_equally_likely() {
        let mut state = 0x0123_4567_89ab_cdef_u64;
        let mut random = |bytes: &mut [u8]| {
            bytes.fill_with(|| {
                // SplitMix64: evenly distributed, and the same in every run.
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed >> 56) as u8
            });
        };
        let mut seen = [0_u32; 256];
        for _ in 0..10_000 {
            let mut digits = [0; 24];
            draw(&mut digits, &mut random).unwrap();
            digits.iter().for_each(|digit| seen[usize::from(*digit)] += 1);
        }
        let expected = 240_000.0 / 62.0;
        let chi_square: f64 =
            (0..62).map(|value| f64::from(seen[usize::from(digit(value))]) - expected).map(|d| d * d / expected).sum();
        // 61 degrees of freedom: a uniform source exceeds 120 once in 100,000 seeds. If bytes above 247 were kept, the
        // result would be near 1,800.
        assert!(chi_square < 120.0, "chi-square {chi_square}");
    }

    #[test]
    fn only_the_62_base62_characters_are_digits() {
        for byte in 0..=u8::MAX {
            let known = (0..62).any(|value| digit(value) == byte);
            assert_eq!(all_digits(&[b'0', byte, b'z']), known, "byte {byte:#04x}");
        }
    }
}
