//! The token itself: borrowed as it was presented, or owned as it was minted.

use crate::{Digest, Hint, Malformed, NoEntropy, Prefix, SealKey, WorkspaceKey, base62, check, shape};
use core::{fmt, iter};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A well-formed token, borrowed: it has the shape, and its check holds.
///
/// That it was ever issued, only its seal ([`is_sealed_by`](Self::is_sealed_by)) or a lookup can tell. `Debug` shows
/// nothing of it; there is no `Display`, no `==` and no `Serialize`.
#[derive(Clone, Copy)]
pub struct TokenRef<'a>(&'a [u8]);

impl<'a> TokenRef<'a> {
    /// Takes a token. To take foreign texts too, use [`Presented::parse`](crate::Presented::parse).
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the text is not `<prefix>_` and 42 base62 characters, or its check is wrong.
    pub fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        if shape::is_ours(text) { Self::checked(text) } else { Err(Malformed::Shape) }
    }

    /// Takes a text that is known to have the shape, if its check holds.
    pub(crate) fn checked(text: &'a [u8]) -> Result<Self, Malformed> {
        let (checked, check) = shape::cut(text, shape::CHECK);
        if check::of(checked) == check { Ok(Self(text)) } else { Err(Malformed::Check) }
    }

    /// The secret text itself.
    #[must_use]
    pub fn expose(self) -> &'a str {
        shape::ascii(self.0)
    }

    /// What it begins with, without the `_`.
    #[must_use]
    pub fn prefix(self) -> &'a str {
        shape::ascii(self.prefix_bytes())
    }

    /// The workspace whose ledger knows about it.
    #[must_use]
    pub fn workspace(self) -> WorkspaceKey {
        WorkspaceKey::of_body(shape::cut(self.0, shape::BODY).1)
    }

    /// SHA-256 of the whole text.
    #[must_use]
    pub fn digest(self) -> Digest {
        Digest::of(self.0)
    }

    /// Its prefix and last 4 characters, `cft_…9xQ2`.
    #[must_use]
    pub fn hint(self) -> Hint {
        Hint::new(Some(Prefix::of_valid(self.prefix_bytes())), self.0)
    }

    /// Whether its seal was made with `key`: no means that the holder of `key` never issued it. A yes alone does not
    /// mean that it is valid. Takes the same time either way.
    #[must_use]
    pub fn is_sealed_by(self, key: &SealKey) -> bool {
        let (sealed, tail) = shape::cut(self.0, shape::SEAL + shape::CHECK);
        let (seal, _check) = shape::cut(tail, shape::CHECK);
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

/// A token that was just minted, on its way to its bearer.
///
/// It is wiped when dropped, `==` takes the same time whatever the texts, and `Debug` shows nothing of it. There is no
/// `Display` and no `Serialize`: who hands it out says so with [`TokenRef::expose`].
pub struct Token {
    /// Padded with 0, which no token contains: so equal buffers are equal texts.
    text: Zeroizing<[u8; shape::LONGEST]>,
    length: u8,
}

impl Token {
    /// Makes a new token of `workspace`, sealed with that workspace's `key`.
    ///
    /// The secret is drawn from `random`, which must fill the whole slice it is given with unpredictable bytes. A byte
    /// above 247 is drawn anew, so that all 62 characters are equally likely.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] where `random` writes nothing, or for one character only bytes that cannot be used, 65 in a row.
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
        token.push(&check::of(token.written()));
        Ok(token)
    }

    /// The token, borrowed.
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
