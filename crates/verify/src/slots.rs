//! A list that grows without moving its items.

use alloc::vec::Vec;

/// How many items are allocated at a time.
const CHUNK: usize = 256;

/// Items by position. A vector would copy all of them when it grows, which takes longer than a request may wait, and
/// needs room for all of them twice.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    /// All are full but the last one.
    chunks: Vec<Vec<T>>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| CHUNK * (self.chunks.len() - 1) + last.len())
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            // An empty cache of a small verifier is small.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(item);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.chunks.last_mut()?;
        let item = last.pop();
        if last.is_empty() {
            self.chunks.pop();
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_at_their_positions_at_every_length() {
        let mut slots = Slots::new();
        let lengths = [0, 1, 255, 256, 257, 512, 700];
        for (from, to) in lengths.into_iter().zip(lengths.into_iter().skip(1)) {
            (from..to).for_each(|item| slots.push(item));
            assert_eq!(slots.len(), to);
            assert!((0..to).all(|at| slots.get(at) == Some(&at)));
            assert_eq!(slots.get(to), None);
        }
        for at in (0..700).rev() {
            assert_eq!((slots.pop(), slots.len(), slots.get(at)), (Some(at), at, None));
        }
        assert_eq!(slots.pop(), None);
    }

    #[test]
    fn items_do_not_move_when_the_list_grows() {
        let mut slots = Slots::new();
        (0..300).for_each(|item| slots.push(item));
        let places: Vec<*const i32> = (256..300).filter_map(|at| slots.get(at)).map(core::ptr::from_ref).collect();
        (300..5_000).for_each(|item| slots.push(item));
        let later: Vec<*const i32> = (256..300).filter_map(|at| slots.get(at)).map(core::ptr::from_ref).collect();
        assert_eq!(places, later);
    }
}
