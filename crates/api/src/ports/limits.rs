//! Rate limits that the platform counts.

/// What is counted. `wrangler.toml` declares a binding for each [`name`](Class::name), with the number allowed and the
/// period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Rejected credentials from one address.
    FailedCredentials,
    /// Sign-ins from one address: begun at a provider, returning from one, or presenting an identity token.
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
