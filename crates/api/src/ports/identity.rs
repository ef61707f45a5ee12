//! Requests to identity providers, and their responses.

use counterfoil_protocol::{WebAddress, command::NotSignedIn};
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::Problem;

/// A document that a provider returned, and for how many seconds its `Cache-Control` allows to cache it, if it says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Told<T> {
    /// The document.
    pub what: T,
    /// For how many seconds it may be cached.
    #[serde(default)]
    pub max_age: Option<u64>,
}

/// A provider's public keys, as JSON Web Keys (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Keys(pub Vec<Value>);

impl Keys {
    /// The keys with this `kid`. All keys if the token names none.
    pub(crate) fn named(&self, name: Option<&str>) -> impl Iterator<Item = &Value> {
        let is_it = move |key: &&Value| name.is_none_or(|name| key.get("kid").and_then(Value::as_str) == Some(name));
        self.0.iter().filter(is_it)
    }
}

/// A provider's discovery document, as far as it is needed here (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Description {
    /// Its issuer. If it is not the issuer that was requested, the document is another provider's.
    pub issuer: WebAddress,
    /// The URL at which people sign in.
    pub authorization_endpoint: WebAddress,
    /// The URL at which codes are exchanged.
    pub token_endpoint: WebAddress,
    /// The URL of its keys.
    pub jwks_uri: WebAddress,
    /// Whether it sends `iss` in its authorization responses (RFC 9207, section 3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// How clients may present their secrets; in a header if absent.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// An identity token, and the requirements that it must meet.
#[derive(Clone, Serialize)]
pub struct IdentityToken {
    /// The required issuer.
    pub issuer: WebAddress,
    /// The required audience.
    pub audience: String,
    /// The issuer's keys that may have signed it.
    pub keys: Vec<Value>,
    /// The token, a JWT. Never logged, never stored.
    pub token: String,
    /// The time now, in milliseconds.
    pub now: Timestamp,
}

/// The claims of a valid identity token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// The provider's identifier of the person.
    pub subject: String,
    /// The person's e-mail address, if the token states one.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the provider has verified the address; absent if the token does not say.
    #[serde(default)]
    pub email_verified: Option<bool>,
    /// The nonce of the flow that it was issued in.
    #[serde(default)]
    pub nonce: Option<String>,
    /// When the token expires, in milliseconds.
    pub expires_at: Timestamp,
}

/// An authorization code and the data needed to exchange it for an identity token. All of it is secret.
#[derive(Clone, Serialize)]
pub struct Redemption {
    /// The token endpoint.
    pub token_endpoint: WebAddress,
    /// The client that exchanges it.
    pub client_id: String,
    /// The client's secret, if it has one.
    pub client_secret: Option<String>,
    /// Whether the secret is sent in the body; otherwise in a header.
    pub secret_in_body: bool,
    /// The code.
    pub code: String,
    /// The PKCE verifier (RFC 7636, section 4.1).
    pub code_verifier: String,
    /// The redirect URI that the browser was sent back to.
    pub redirect_uri: String,
}

/// Why an identity provider did not authenticate anybody. For the log: it names no token, no code and no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityProviderError {
    /// The provider or its token's verification rejected the sign-in.
    Refused(String),
    /// The provider signed this token, but the token does not meet the requirements: the reason, and its description for
    /// the log.
    Unfit(NotSignedIn, String),
    /// The provider did not respond, or its response is invalid.
    Unreachable(String),
}

impl From<IdentityProviderError> for Problem {
    fn from(why: IdentityProviderError) -> Self {
        match why {
            IdentityProviderError::Refused(why) => Self::sign_in_failed(why),
            IdentityProviderError::Unfit(reason, why) => {
                Self::sign_in_failed(why).with(|problem| problem.not_signed_in = Some(reason))
            }
            IdentityProviderError::Unreachable(why) => Self::provider_unavailable(why),
        }
    }
}
