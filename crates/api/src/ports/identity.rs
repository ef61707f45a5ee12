//! What is asked of identity providers, and what they say.

use counterfoil_protocol::{WebAddress, command::NotSignedIn};
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::Problem;

/// What a provider told, and for how many seconds its `Cache-Control` lets it be kept, where that says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Told<T> {
    /// What it told.
    pub what: T,
    /// For how long it may be kept.
    #[serde(default)]
    pub max_age: Option<u64>,
}

/// A provider's public keys, as JSON Web Keys (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Keys(pub Vec<Value>);

impl Keys {
    /// Those with this name; all where a token names none.
    pub(crate) fn named(&self, name: Option<&str>) -> impl Iterator<Item = &Value> {
        let is_it = move |key: &&Value| name.is_none_or(|name| key.get("kid").and_then(Value::as_str) == Some(name));
        self.0.iter().filter(is_it)
    }
}

/// What a provider says of itself, as far as it matters here (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Description {
    /// Its issuer. One that is not the issuer that was asked describes somebody else.
    pub issuer: WebAddress,
    /// Where people sign in.
    pub authorization_endpoint: WebAddress,
    /// Where codes are exchanged.
    pub token_endpoint: WebAddress,
    /// Where its keys are.
    pub jwks_uri: WebAddress,
    /// Whether it names itself in what it sends browsers back with (RFC 9207, section 3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// How clients may present their secrets; in a header where nothing is said.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// An identity token, and what it must be.
#[derive(Clone, Serialize)]
pub struct IdentityToken {
    /// The one who must have issued it.
    pub issuer: WebAddress,
    /// The one it must be meant for.
    pub audience: String,
    /// Those of the issuer's keys by which it may be signed.
    pub keys: Vec<Value>,
    /// The token, a JWT. Never logged, never stored.
    pub token: String,
    /// The time now, in milliseconds.
    pub now: Timestamp,
}

/// What a token says that was found good.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// The provider's name for whom it is about.
    pub subject: String,
    /// Their e-mail address, where it states one.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it says that the address is theirs; absent where it says nothing of it.
    #[serde(default)]
    pub email_verified: Option<bool>,
    /// The nonce of the flow that it was issued in.
    #[serde(default)]
    pub nonce: Option<String>,
    /// When it ends, in milliseconds.
    pub expires_at: Timestamp,
}

/// A code that a browser came back with, and what its exchange for an identity token needs. All of it is secret.
#[derive(Clone, Serialize)]
pub struct Redemption {
    /// Where it is exchanged.
    pub token_endpoint: WebAddress,
    /// Who exchanges it.
    pub client_id: String,
    /// Its secret, where it has one.
    pub client_secret: Option<String>,
    /// Whether the secret goes into the body; else into a header.
    pub secret_in_body: bool,
    /// The code.
    pub code: String,
    /// The PKCE verifier (RFC 7636, section 4.1).
    pub code_verifier: String,
    /// Where the browser was sent back to.
    pub redirect_uri: String,
}

/// Why a provider's word was not to be had. For the log: it names no token, no code and no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityProviderError {
    /// It was, and it is a no.
    Refused(String),
    /// The provider did sign this token, which is not fit for what it is presented for: why, and why for the log.
    Unfit(NotSignedIn, String),
    /// The provider did not answer, or with something that is no answer.
    Unreachable(String),
}

impl From<IdentityProviderError> for Problem {
    fn from(why: IdentityProviderError) -> Self {
        match why {
            IdentityProviderError::Refused(why) => Self::sign_in_failed(why),
            IdentityProviderError::Unfit(reason, why) => {
                Self { not_signed_in: Some(reason), ..Self::sign_in_failed(why) }
            }
            IdentityProviderError::Unreachable(why) => Self::provider_unavailable(why),
        }
    }
}
