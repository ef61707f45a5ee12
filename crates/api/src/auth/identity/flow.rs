//! The authorization code flow: a browser is sent to a provider and returns with a code (OpenID Connect Core 1.0, section
//! 3.1).
//!
//! A cookie holds the state of the flow: a secret, and the workspace and provider. The `state` and `nonce` parameters and
//! the PKCE verifier are digests of all of that with different labels, so none of them discloses another, and a modified
//! cookie matches no flow. The cookie is `SameSite=Lax`, since the browser returns from the provider's site. It expires
//! after ten minutes, and is deleted when the browser returns, whatever the outcome.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_protocol::{WebAddress, command::IdentityProvider};
use counterfoil_token::Digest;
use http::{HeaderMap, HeaderName, header};

use crate::{
    http::{Problem, cookies},
    ports::{Description, Redemption},
};

/// The cookie's name.
const NAME: &str = "__Host-counterfoil-sign-in";

/// How many seconds a flow may take.
const PATIENCE: u64 = 600;

/// What the provider is asked for: the person's identity and e-mail address.
const SCOPE: &str = "openid email";

/// One browser's flow.
pub(crate) struct Flow {
    /// The cookie's value: a secret, the workspace, the issuer, the audience.
    text: String,
    /// The slug of the workspace to sign in to.
    pub(crate) workspace: String,
    issuer: String,
    audience: String,
}

/// The parameters of the authorization response.
#[derive(Default)]
pub(crate) struct AuthorizationResponse {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
}

impl Flow {
    /// Begins a flow to a provider. The secret is 32 random bytes.
    pub(crate) fn begin(secret: [u8; 32], workspace: &str, provider: &IdentityProvider) -> Self {
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (issuer, audience) = (provider.issuer.to_string(), provider.audience.clone());
        let parts = [secret.as_slice(), workspace.as_bytes(), issuer.as_bytes(), audience.as_bytes()].map(encoded);
        Self { text: parts.join("."), workspace: workspace.to_owned(), issuer, audience }
    }

    /// The flow in the browser's cookie, if it has one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = str::from_utf8(cookies::value(headers, NAME).ok()??).ok()?.to_owned();
        let decoded = |part: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let mut parts = text.split('.').skip(1).map(decoded);
        let (workspace, issuer, audience) = (parts.next()??, parts.next()??, parts.next()??);
        Some(Self { text, workspace, issuer, audience })
    }

    /// The header that stores the flow in the browser.
    pub(crate) fn keep(&self) -> (HeaderName, String) {
        cookie(&self.text, PATIENCE)
    }

    /// The flow's provider, if the workspace still offers it.
    pub(crate) fn provider<'a>(&self, providers: &'a [IdentityProvider]) -> Option<&'a IdentityProvider> {
        providers.iter().find(|provider| {
            provider.sign_in && provider.issuer.as_str() == self.issuer && provider.audience == self.audience
        })
    }

    /// The URL to send the browser to.
    pub(crate) fn address(&self, endpoint: &WebAddress, redirect_uri: &str) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Digest::of(self.verifier().as_bytes()).as_bytes());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.audience)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &self.state())
            .append_pair("nonce", &self.nonce())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let separator = if endpoint.has_query() { '&' } else { '?' };
        format!("{endpoint}{separator}{query}")
    }

    /// The nonce that the identity token must have.
    pub(crate) fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// The exchange of the authorization code.
    ///
    /// # Errors
    /// `SIGN_IN_FAILED` if the response is another provider's (RFC 9207, section 2.4), or has no code.
    pub(crate) fn redemption(
        &self,
        response: AuthorizationResponse,
        provider: &Description,
        redirect_uri: String,
        client_secret: Option<String>,
    ) -> Result<Redemption, Problem> {
        let is_from_provider = match &response.iss {
            Some(issuer) => *issuer == self.issuer,
            None => !provider.authorization_response_iss_parameter_supported,
        };
        if !is_from_provider {
            return Err(Problem::sign_in_failed(
                "the redirect came from another provider than the one that the sign-in started with",
            ));
        }
        let code = response
            .code
            .ok_or_else(|| Problem::sign_in_failed("the provider's redirect has no authorization code"))?;
        let methods = provider.token_endpoint_auth_methods_supported.as_deref();
        let secret_in_body =
            methods.is_some_and(|methods| methods.iter().all(|method| method != "client_secret_basic"));
        Ok(Redemption {
            token_endpoint: provider.token_endpoint.clone(),
            client_id: self.audience.clone(),
            client_secret,
            secret_in_body,
            code,
            code_verifier: self.verifier(),
            redirect_uri,
        })
    }

    /// Whether this is the authorization response of this flow.
    pub(crate) fn is_of(&self, response: &AuthorizationResponse) -> bool {
        let digest = |text: &str| Digest::of(text.as_bytes());
        response.state.as_deref().is_some_and(|state| digest(state).ct_eq(&digest(&self.state())))
    }

    fn state(&self) -> String {
        self.derived("state")
    }

    /// 43 characters of base64url, as RFC 7636, section 4.1 requires.
    fn verifier(&self) -> String {
        self.derived("verifier")
    }

    fn derived(&self, what: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Digest::of(format!("{what}.{}", self.text).as_bytes()).as_bytes())
    }
}

impl AuthorizationResponse {
    /// Parses the query of the authorization response. A provider may add other parameters, but none of those read here
    /// may be repeated (RFC 6749, section 3.1).
    ///
    /// # Errors
    /// `SIGN_IN_FAILED` if one is repeated.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        let mut response = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "state" => &mut response.state,
                "code" => &mut response.code,
                "iss" => &mut response.iss,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return Err(Problem::sign_in_failed("a parameter of the provider's redirect occurs twice"));
            }
        }
        Ok(response)
    }
}

/// The header that deletes the flow from the browser.
pub(crate) fn forget() -> (HeaderName, String) {
    cookie("", 0)
}

fn cookie(text: &str, seconds: u64) -> (HeaderName, String) {
    (header::SET_COOKIE, format!("{NAME}={text}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
}
