//! What the platform counts.

/// What is counted. `wrangler.toml` declares a binding by each [`name`](Class::name), and in it how many are allowed in how
/// many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Credentials from one address that do not pass.
    FailedCredentials,
    /// Sign-ins from one address that begin, come back from a provider, or present what a provider signed.
    SignIns,
    /// Changes by one credential.
    Changes,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::FailedCredentials, Self::SignIns, Self::Changes];

    /// The name of its binding.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailedCredentials => "LIMIT_FAILED_CREDENTIALS",
            Self::SignIns => "LIMIT_SIGN_INS",
            Self::Changes => "LIMIT_CHANGES",
        }
    }
}
