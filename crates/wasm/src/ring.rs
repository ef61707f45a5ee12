//! A ring buffer that holds the latest values, by number.

use alloc::vec::Vec;

/// Numbers wrap around at this value: a `u32` without the 8 bits of the code.
const NUMBERS: u32 = 1 << 24;

/// Holds the latest `CAPACITY` values. Each has a number from 1 up; 0 is never used. The number of a dropped value
/// finds nothing, until numbers are reused 16 million values later.
pub(crate) struct Ring<T, const CAPACITY: u32> {
    slots: Vec<Option<(u32, T)>>,
    last: u32,
}

impl<T, const CAPACITY: u32> Ring<T, CAPACITY> {
    /// Allocates nothing until it is used.
    pub(crate) const fn new() -> Self {
        const { assert!(CAPACITY.is_power_of_two() && CAPACITY < NUMBERS) };
        Self { slots: Vec::new(), last: 0 }
    }

    pub(crate) fn put(&mut self, value: T) -> u32 {
        let number = if self.last + 1 < NUMBERS { self.last + 1 } else { 1 };
        self.last = number;
        let at = Self::at(number);
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((number, value));
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        match self.slots.get(Self::at(number)) {
            Some(Some((held, value))) if *held == number => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match self.slots.get_mut(Self::at(number)) {
            Some(Some((held, value))) if *held == number => Some(value),
            _ => None,
        }
    }

    pub(crate) fn take(&mut self, number: u32) -> Option<T> {
        let slot = self.slots.get_mut(Self::at(number))?;
        slot.take_if(|(held, _)| *held == number).map(|(_, value)| value)
    }

    fn at(number: u32) -> usize {
        (number % CAPACITY) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_values_are_held_and_dropped_numbers_find_nothing() {
        let mut ring = Ring::<_, 4>::new();
        assert_eq!(ring.get(0), None);
        let numbers: Vec<u32> = (0..10).map(|value| ring.put(value)).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
        let held: Vec<_> = (0..=12).map(|number| ring.get(number).copied()).collect();
        assert_eq!(held[..7], [None; 7]);
        assert_eq!(held[7..], [Some(6), Some(7), Some(8), Some(9), None, None]);
    }

    #[test]
    fn taken_value_is_gone() {
        let mut ring = Ring::<_, 4>::new();
        let number = ring.put('a');
        assert_eq!(ring.take(number + 4), None);
        assert_eq!(ring.take(number), Some('a'));
        assert_eq!(ring.take(number), None);
        assert_eq!(ring.get(number), None);
    }

    #[test]
    fn numbers_wrap_around_and_skip_zero() {
        let mut ring = Ring::<_, 4>::new();
        ring.last = NUMBERS - 2;
        assert_eq!(ring.put('a'), NUMBERS - 1);
        assert_eq!(ring.put('b'), 1);
        assert_eq!((ring.get(NUMBERS - 1), ring.get(0), ring.get(1)), (Some(&'a'), None, Some(&'b')));
    }
}
