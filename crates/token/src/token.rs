//! The token value: borrowed as it was presented, or owned as it was created.

use crate::{Digest, Hint, Malformed, NoEntropy, Prefix, SealKey, WorkspaceKey, base62, checksum, sha256, shape};
use core::{fmt, iter};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A well-formed token value, borrowed: format and checksum are right.
///
/// Whether it was ever issued, only its authentication tag ([`is_sealed_by`](Self::is_sealed_by)) or a lookup can tell.
/// `Debug` shows nothing of it; there is no `Display`, no `==` and no `Serialize`.
#[derive(Clone, Copy)]
pub struct TokenRef<'a>(&'a [u8]);

impl<'a> TokenRef<'a> {
    /// Parses a token value. To accept third-party ones too, use [`Presented::parse`](crate::Presented::parse).
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not `<prefix>_` and 42 base62 characters, or its checksum is wrong.
    pub fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        if shape::is_ours(text) { Self::checked(text) } else { Err(Malformed::Shape) }
    }

    /// Takes a text that is known to have the format, if its checksum is right.
    pub(crate) fn checked(text: &'a [u8]) -> Result<Self, Malformed> {
        let (rest, found) = shape::cut(text, shape::CHECKSUM);
        if checksum::of(rest) == found { Ok(Self(text)) } else { Err(Malformed::Check) }
    }

    /// The secret value itself.
    #[must_use]
    pub fn expose(self) -> &'a str {
        shape::ascii(self.0)
    }

    /// Its prefix, without the `_`.
    #[must_use]
    pub fn prefix(self) -> &'a str {
        shape::ascii(self.prefix_bytes())
    }

    /// The key of its workspace, which determines the ledger.
    #[must_use]
    pub fn workspace(self) -> WorkspaceKey {
        WorkspaceKey::of_body(shape::cut(self.0, shape::BODY).1)
    }

    /// SHA-256 of the whole value.
    #[must_use]
    pub fn digest(self) -> Digest {
        Digest::of(self.0)
    }

    /// The digests of four token values, in less time than one after the other.
    #[must_use]
    pub fn digests_of_four(tokens: [Self; 4]) -> [Digest; 4] {
        sha256::sha256_of_four(tokens.map(|token| token.0)).map(Digest::from_bytes)
    }

    /// Its masked form: the prefix and the last 4 characters, `cft_…9xQ2`.
    #[must_use]
    pub fn hint(self) -> Hint {
        Hint::new(Some(Prefix::of_valid(self.prefix_bytes())), self.0)
    }

    /// Whether its authentication tag was made with `key`. If false, no holder of `key` issued it. If true, it may
    /// still be invalid. Constant time.
    #[must_use]
    pub fn is_sealed_by(self, key: &SealKey) -> bool {
        let (sealed, tail) = shape::cut(self.0, shape::SEAL + shape::CHECKSUM);
        let (seal, _checksum) = shape::cut(tail, shape::CHECKSUM);
        key.seal(sealed).as_slice().ct_eq(seal).into()
    }

    fn prefix_bytes(self) -> &'a [u8] {
        shape::cut(self.0, 1 + shape::BODY).0
    }
}

impl fmt::Debug for TokenRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRef").finish_non_exhaustive()
    }
}

/// A newly created token value, on its way to the client.
///
/// It is wiped when dropped, `==` is constant-time, and `Debug` shows nothing of it. There is no `Display` and no
/// `Serialize`: code that outputs it must call [`TokenRef::expose`].
pub struct Token {
    /// Padded with 0, which no token value contains: equal buffers are equal values.
    text: Zeroizing<[u8; shape::LONGEST]>,
    length: u8,
}

impl Token {
    /// Creates a new token value of `workspace`, with a tag by that workspace's `key`.
    ///
    /// The secret is drawn from `random`, which must fill the whole slice with unpredictable bytes. A byte above 247 is
    /// redrawn, so that all 62 characters are equally likely.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] if `random` writes nothing, or only unusable bytes for one character, 65 in a row.
    pub fn mint(
        prefix: &Prefix,
        workspace: WorkspaceKey,
        key: &SealKey,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self, NoEntropy> {
        let mut secret = Zeroizing::new([0; shape::SECRET]);
        base62::draw(secret.as_mut_slice(), random)?;

        let mut token = Self { text: Zeroizing::new([0; shape::LONGEST]), length: 0 };
        token.push(prefix.as_str().as_bytes());
        token.push(b"_");
        token.push(workspace.as_bytes());
        token.push(secret.as_slice());
        token.push(&key.seal(token.written()));
        token.push(&checksum::of(token.written()));
        Ok(token)
    }

    /// The same, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> TokenRef<'_> {
        TokenRef(self.written())
    }

    fn written(&self) -> &[u8] {
        self.text.split_at(usize::from(self.length).min(shape::LONGEST)).0
    }

    fn push(&mut self, part: &[u8]) {
        let free = self.text.iter_mut().skip(usize::from(self.length));
        for (to, from) in iter::zip(free, part) {
            *to = *from;
            self.length += 1;
        }
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.text.as_slice().ct_eq(other.text.as_slice()).into()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}
