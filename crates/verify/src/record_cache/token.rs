//! A cached token, in little memory: what most decisions read in place, everything else encoded.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::net::IpAddr;

use super::{held::Cached, uses::Uses};
use crate::{
    address::AddressBlock,
    decision::TokenFacts,
    monotonic_time::{MonotonicTime, PackedTime},
    reader::Reader,
    record::TokenRecord,
    scope::ScopeSet,
    time::Timestamp,
};

/// A token's record, when it was requested, the lease run that covers it (0 if none), and its uses.
#[derive(Debug)]
pub(crate) struct CachedToken {
    end: End,
    owner: u64,
    asked_at: PackedTime,
    pub(super) run: u32,
    pub(super) uses: Uses,
    /// Tokens with equal sets share one.
    scopes: Arc<ScopeSet>,
    details: Box<[u8]>,
}

/// When a token expires, in 56 bits, and flags.
#[derive(Clone, Copy, Debug)]
struct End(u64);

/// The fields that few decisions read, decoded.
struct Details<'a> {
    issued: u64,
    not_before: Option<Timestamp>,
    replaced_until: Option<Timestamp>,
    /// If [`End`] has too few bits for it.
    expires_at: Option<Timestamp>,
    addresses: &'a [[u8; AddressBlock::IN_MEMORY]],
    /// Reads the fields after these, which no decision reads.
    rest: Reader<'a>,
    fields: u8,
}

/// Bits of the first byte of encoded details: which optional fields follow, and how the id is encoded.
mod field {
    pub(super) const NOT_BEFORE: u8 = 1;
    pub(super) const REPLACED_UNTIL: u8 = 1 << 1;
    pub(super) const LATE_END: u8 = 1 << 2;
    pub(super) const ADDRESSES: u8 = 1 << 3;
    pub(super) const CLIENT: u8 = 1 << 4;
    pub(super) const METADATA: u8 = 1 << 5;
    pub(super) const RATE_CLASS: u8 = 1 << 6;
    pub(super) const PACKED_ID: u8 = 1 << 7;
}

impl CachedToken {
    pub(super) fn new(
        record: &TokenRecord,
        scopes: Arc<ScopeSet>,
        asked_at: MonotonicTime,
        run: u32,
        uses: Uses,
    ) -> Self {
        let end = End::of(record);
        let asked_at = PackedTime::new(asked_at);
        Self { end, owner: record.owner, asked_at, run, uses, scopes, details: encode(record, end) }
    }

    #[inline]
    pub(super) fn cached(&self) -> Cached<'_, Self> {
        Cached { item: self, asked_at: self.asked_at.unpack(), run: self.run }
    }

    /// The whole record.
    pub(super) fn record(&self) -> TokenRecord {
        let Details { issued, not_before, replaced_until, addresses, mut rest, fields, .. } = self.details();
        let version = rest.number();
        let number = rest.number();
        let has = |field: u8| fields & field != 0;
        let id = if has(field::PACKED_ID) { unpack_id(rest.array()) } else { rest.text() };
        TokenRecord {
            version,
            id,
            number,
            owner: self.owner,
            name: rest.text(),
            client_id: has(field::CLIENT).then(|| rest.text()),
            metadata: has(field::METADATA).then(|| rest.text()),
            scopes: ScopeSet::clone(&self.scopes),
            issued,
            revoked: self.is_revoked(),
            enabled: self.is_enabled(),
            not_before,
            expires_at: self.expires_at(),
            replaced_until,
            addresses: addresses.iter().map(|bytes| AddressBlock::from_memory(*bytes)).collect(),
            rate_class: has(field::RATE_CLASS).then(|| rest.byte()),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.details().rest.number()
    }

    /// Whether its record is [brief](TokenRecord::is_brief).
    #[inline]
    pub(crate) fn is_brief(&self) -> bool {
        self.end.has(End::BRIEF)
    }

    /// Approximate size in bytes, not counting `size_of` itself. Shared scopes count where they are shared.
    pub(super) fn cost(&self) -> usize {
        self.details.len() + ALLOCATION
    }

    /// Decodes the details. They were encoded here, so that cannot fail.
    fn details(&self) -> Details<'_> {
        let mut reader = Reader::new(&self.details);
        let fields = reader.byte();
        let time = |reader: &mut Reader<'_>, field: u8| (fields & field != 0).then(|| reader.time());
        Details {
            issued: reader.number(),
            not_before: time(&mut reader, field::NOT_BEFORE),
            replaced_until: time(&mut reader, field::REPLACED_UNTIL),
            expires_at: time(&mut reader, field::LATE_END),
            addresses: if fields & field::ADDRESSES == 0 { &[] } else { reader.sized().as_chunks().0 },
            rest: reader,
            fields,
        }
    }

    fn is_limited(&self) -> bool {
        self.end.has(End::LIMITED)
    }
}

/// What the allocator adds to an allocation of a few bytes: its header, and rounding.
const ALLOCATION: usize = 16;

impl TokenFacts for CachedToken {
    #[inline]
    fn owner(&self) -> u64 {
        self.owner
    }

    #[inline]
    fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    #[inline]
    fn is_revoked(&self) -> bool {
        self.end.has(End::REVOKED)
    }

    #[inline]
    fn is_enabled(&self) -> bool {
        self.end.has(End::ENABLED)
    }

    fn issued(&self) -> u64 {
        self.details().issued
    }

    #[inline]
    fn expires_at(&self) -> Option<Timestamp> {
        self.end.time().or_else(|| if self.is_limited() { self.details().expires_at } else { None })
    }

    #[inline]
    fn not_before(&self) -> Option<Timestamp> {
        if self.is_limited() { self.details().not_before } else { None }
    }

    #[inline]
    fn replaced_until(&self) -> Option<Timestamp> {
        if self.is_limited() { self.details().replaced_until } else { None }
    }

    #[inline]
    fn allows(&self, address: Option<IpAddr>) -> bool {
        if !self.is_limited() {
            return true;
        }
        let blocks = self.details().addresses;
        let contains = |address| blocks.iter().any(|block| AddressBlock::from_memory(*block).contains(address));
        blocks.is_empty() || address.is_some_and(contains)
    }
}

impl End {
    const NEVER: u64 = (1 << 56) - 1;
    const REVOKED: u64 = 1 << 56;
    const ENABLED: u64 = 1 << 57;
    const BRIEF: u64 = 1 << 58;
    /// There are details that a decision depends on.
    const LIMITED: u64 = 1 << 59;

    fn of(record: &TokenRecord) -> Self {
        let end = record.expires_at.map(|end| end.0);
        let fits = end.filter(|end| *end < Self::NEVER);
        let is_limited = record.not_before.is_some()
            || record.replaced_until.is_some()
            || !record.addresses.is_empty()
            || end != fits;
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        Self(
            fits.unwrap_or(Self::NEVER)
                | flag(record.revoked, Self::REVOKED)
                | flag(record.enabled, Self::ENABLED)
                | flag(record.is_brief(), Self::BRIEF)
                | flag(is_limited, Self::LIMITED),
        )
    }

    #[inline]
    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    /// The time, unless the token never expires, or so late that the time is among the details.
    #[inline]
    fn time(self) -> Option<Timestamp> {
        let time = self.0 & Self::NEVER;
        (time != Self::NEVER).then_some(Timestamp(time))
    }
}

/// The details of a record. Those that a decision may read come first.
fn encode(record: &TokenRecord, end: End) -> Box<[u8]> {
    let late_end = record.expires_at.filter(|_| end.time().is_none());
    let packed = pack_id(&record.id);
    let mut out = Encoder { fields: 0, bytes: alloc::vec![0] };
    out.number(record.issued);
    out.time(field::NOT_BEFORE, record.not_before);
    out.time(field::REPLACED_UNTIL, record.replaced_until);
    out.time(field::LATE_END, late_end);
    if !record.addresses.is_empty() {
        out.fields |= field::ADDRESSES;
        out.number((AddressBlock::IN_MEMORY * record.addresses.len()) as u64);
        record.addresses.iter().for_each(|block| out.bytes.extend_from_slice(&block.to_memory()));
    }
    out.number(record.version);
    out.number(record.number);
    match packed {
        Some(id) => {
            out.fields |= field::PACKED_ID;
            out.bytes.extend_from_slice(&id);
        }
        None => out.text(&record.id),
    }
    out.text(&record.name);
    out.optional(field::CLIENT, record.client_id.as_deref());
    out.optional(field::METADATA, record.metadata.as_deref());
    if let Some(class) = record.rate_class {
        out.fields |= field::RATE_CLASS;
        out.bytes.push(class);
    }
    out.finish()
}

/// The bytes so far. The first one is set in the end.
struct Encoder {
    fields: u8,
    bytes: Vec<u8>,
}

impl Encoder {
    /// As [`Reader::number`] reads it.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn time(&mut self, field: u8, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.fields |= field;
            self.number(time.0);
        }
    }

    fn optional(&mut self, field: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.fields |= field;
            self.text(text);
        }
    }

    fn finish(mut self) -> Box<[u8]> {
        if let Some(first) = self.bytes.first_mut() {
            *first = self.fields;
        }
        self.bytes.into()
    }
}

/// The start of ids that are packed, and how many letters and digits follow it.
const ID: (&str, usize) = ("tok_", 22);

/// How long a packed id is: six bits for each of those characters.
const PACKED: usize = (6 * ID.1).div_ceil(8);

/// An id in fewer bytes, if it is like those that ledgers assign.
fn pack_id(id: &str) -> Option<[u8; PACKED]> {
    let digits = id.strip_prefix(ID.0)?.as_bytes();
    if digits.len() != ID.1 || !digits.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut packed = [0; PACKED];
    for (at, digit) in digits.iter().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            _ => digit - b'a' + 36,
        };
        for bit in 0..6 {
            if let Some(byte) = packed.get_mut((6 * at + bit) / 8) {
                *byte |= (value >> bit & 1) << ((6 * at + bit) % 8);
            }
        }
    }
    Some(packed)
}

fn unpack_id(packed: [u8; PACKED]) -> Box<str> {
    let is_set = |bit: usize| packed.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
    let mut id = String::from(ID.0);
    for at in 0..ID.1 {
        let value = (0..6).fold(0, |value, bit| value | u8::from(is_set(6 * at + bit)) << bit);
        id.push(char::from(match value {
            0..10 => b'0' + value,
            10..36 => b'A' + value - 10,
            _ => b'a' + value - 36,
        }));
    }
    id.into()
}

#[cfg(test)]
mod tests {
    use counterfoil_token::WorkspaceKey;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        decision::{Facts, decide, decide_on},
        demand::Demand,
        record::{OwnerRecord, WorkspaceRecord},
        scope::{Scope, ScopePattern},
    };

    extern crate std;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0..4u64, Just((1 << 56) - 2), Just((1 << 56) - 1), Just(u64::MAX), any::<u64>()]
    }

    fn time() -> impl Strategy<Value = Option<Timestamp>> {
        prop_oneof![Just(None), number().prop_map(|time| Some(Timestamp(time)))]
    }

    fn text() -> impl Strategy<Value = Box<str>> {
        let text = prop_oneof!["", "tok_[0-9A-Za-z]{22}", "tok_[0-9A-Za-z]{21}", "tok_.{22}", ".{0,200}"];
        text.prop_map(Into::into)
    }

    fn address() -> impl Strategy<Value = AddressBlock> {
        let block = |text: &str| text.parse().unwrap();
        let some = ["192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::/0"].map(block);
        prop_oneof![4 => prop::sample::select(some.to_vec()), 1 => Just(AddressBlock::nowhere())]
    }

    fn record() -> impl Strategy<Value = TokenRecord> {
        let scopes = prop::sample::subsequence(std::vec!["a:*", "a:b", "c"], 0..=3);
        let scopes =
            scopes.prop_map(|scopes| scopes.into_iter().map(|scope| ScopePattern::parse(scope).unwrap()).collect());
        let numbers = (number(), number(), number(), number());
        let texts = (text(), text(), prop::option::of(text()), prop::option::of(text()));
        let flags = (any::<bool>(), any::<bool>(), prop::option::of(any::<u8>()));
        let limits = (time(), time(), time(), prop::collection::vec(address(), 0..3));
        (numbers, texts, scopes, flags, limits).prop_map(|(numbers, texts, scopes, flags, limits)| TokenRecord {
            version: numbers.0,
            id: texts.0,
            number: numbers.1,
            owner: numbers.2,
            name: texts.1,
            client_id: texts.2,
            metadata: texts.3,
            scopes,
            issued: numbers.3,
            revoked: flags.0,
            enabled: flags.1,
            not_before: limits.0,
            expires_at: limits.1,
            replaced_until: limits.2,
            addresses: limits.3,
            rate_class: flags.2,
        })
    }

    fn cached(record: &TokenRecord) -> CachedToken {
        let scopes = Arc::new(record.scopes.clone());
        CachedToken::new(record, scopes, MonotonicTime::default(), 7, Uses::default())
    }

    proptest! {
        #[test]
        fn a_cached_token_is_the_record_that_was_cached(record in record()) {
            let cached = cached(&record);
            prop_assert_eq!(cached.is_brief(), record.is_brief());
            prop_assert_eq!(cached.version(), record.version);
            prop_assert_eq!(cached.record(), record);
        }

        #[test]
        fn a_decision_on_a_cached_token_is_the_decision_on_its_record(
            record in record(),
            revoked_before in number(),
            is_owner in any::<bool>(),
            address in prop::option::of(prop::sample::select(std::vec!["192.0.2.7", "198.51.100.1", "2001:db8::1"])),
            scope in prop::sample::select(std::vec!["a:b", "a:c", "c", "d"]),
            now in number(),
        ) {
            let key = WorkspaceKey::parse("0Ab3dE").unwrap();
            let number = if is_owner { record.owner } else { 1 };
            let grants = ScopeSet::everything();
            let owner = OwnerRecord { version: 1, number, id: "".into(), suspended: false, grants, revoked_before };
            let (suspended, has_imports, freshness) = (false, false, Vec::new());
            let workspace = WorkspaceRecord { version: 1, key, slug: "".into(), suspended, has_imports, freshness };
            let mut demand = Demand::of(key);
            demand.all_of.push(Scope::parse(scope).unwrap());
            demand.address = address.map(|address| address.parse().unwrap());
            let facts = Facts { token: &record, owner: &owner, workspace: &workspace };
            let now = Timestamp(now);
            prop_assert_eq!(decide_on(&cached(&record), &owner, &workspace, &demand, now), decide(facts, &demand, now));
        }
    }

    #[test]
    fn an_id_as_ledgers_assign_them_takes_17_bytes() {
        let of = |id: &str| TokenRecord {
            id: id.into(),
            version: 1,
            number: 1,
            owner: 1,
            name: "".into(),
            client_id: None,
            metadata: None,
            scopes: ScopeSet::default(),
            issued: 1,
            revoked: false,
            enabled: true,
            not_before: None,
            expires_at: None,
            replaced_until: None,
            addresses: Vec::new(),
            rate_class: None,
        };
        let size = |id: &str| cached(&of(id)).details.len() - cached(&of("")).details.len();
        assert_eq!((size("tok_0123456789ABCDEFGHIJKz"), size("tok_0123456789ABCDEFGHIJ_z")), (16, 26));
    }
}
