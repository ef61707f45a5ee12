//! Sign-in through an identity provider (OpenID Connect Core 1.0).
//!
//! An identity token is accepted only from a provider of the workspace. The token's own claim selects the provider, and
//! is not trusted: the [ports](crate::ports::Ports::identify) verify the signature with that provider's keys, and the
//! token's issuer, audience and validity period. The ledger decides which member it identifies. How often strangers can
//! cause requests to a provider is bounded by the [cache](crate::cache::providers). All failures give the same response;
//! the log has the reason, and so has the audit log if the provider did sign the token.

pub(crate) mod flow;
mod providers;

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_protocol::{
    command::{Actor, IdentityProvider, NotSignedIn, NoteRefusal, OpenedSession, ReadIdentityProviders, SignIn},
    json,
};
use counterfoil_token::{Digest, WorkspaceKey};
use serde_json::{Value, json};

pub(crate) use self::providers::check_addresses;
use crate::{
    cache::{
        admission::QueryKind,
        documents::CachedDocument,
        providers::{KEPT, WorkspaceProviders},
    },
    http::{Problem, ProblemCode, Reply},
    ledger_client::{LedgerClient, Source},
    ports::{Claims, Description, IdentityProviderError, IdentityToken, Ports, Redemption},
};

/// The longest identity token that is read, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// The workspace being signed in to, and its identity providers.
pub(crate) struct SignInContext<P> {
    ledger: LedgerClient<P>,
    from: Source,
    workspace: WorkspaceKey,
    pub(crate) providers: Vec<IdentityProvider>,
}

impl<P: Ports> SignInContext<P> {
    /// The context of the workspace with this slug; `None` if no workspace has it.
    pub(crate) async fn to(ledger: LedgerClient<P>, from: Source, slug: &str) -> Result<Option<Self>, Problem> {
        let Some(workspace) = ledger.resolve(slug, ledger.anonymous(from.address)).await? else {
            // Without a workspace, no `allowed_origins` can allow the page.
            return if from.origin.is_some() { Err(Problem::origin_not_allowed()) } else { Ok(None) };
        };
        match providers(&ledger, &from, workspace).await? {
            WorkspaceProviders::Known(providers) => Ok(Some(Self { ledger, from, workspace, providers })),
            WorkspaceProviders::NoWorkspace => Ok(None),
        }
    }

    /// Opens a session for the member that the token identifies. The token selects the provider.
    pub(crate) async fn open(self, token: String) -> Result<Reply<OpenedSession>, Problem> {
        if token.len() > LONGEST_TOKEN {
            return Err(Problem::sign_in_failed("the token is too long"));
        }
        let provider = self.providers.iter().find(|provider| is_claimed(&token, provider).unwrap_or_default());
        let provider = provider
            .ok_or_else(|| Problem::sign_in_failed("no identity provider of the workspace issued the token"))?
            .clone();
        self.open_by(&provider, token, None).await
    }

    /// Like [`Self::open`], with this provider, in the flow with this nonce. If the provider did sign the token and
    /// sign-in still fails, the reason goes to the audit log. A token that the provider did not sign writes nothing
    /// there.
    pub(crate) async fn open_by(
        self,
        provider: &IdentityProvider,
        token: String,
        nonce: Option<&str>,
    ) -> Result<Reply<OpenedSession>, Problem> {
        let outcome = self.identify(provider, token, nonce).await;
        if let Some(reason) = outcome.as_ref().err().and_then(|problem| problem.not_signed_in) {
            let (issuer, audience) = (provider.issuer.clone(), provider.audience.clone());
            let note = NoteRefusal { issuer, audience, reason };
            let (digest, now) = (Digest::of(json!(note).to_string().as_bytes()), self.ledger.app.ports.now());
            if !self.ledger.app.admission().should_report(self.workspace, digest, now) {
                return outcome;
            }
            // The response is the same whether or not this was recorded; the log has the reason in any case.
            let noted = self.ledger.ask(self.workspace, Actor::SignIn, self.from, note).await;
            if noted.is_err() {
                self.ledger.app.admission().report_failed(self.workspace, digest);
            }
        }
        outcome
    }

    async fn identify(
        &self,
        provider: &IdentityProvider,
        token: String,
        nonce: Option<&str>,
    ) -> Result<Reply<OpenedSession>, Problem> {
        let ports = &self.ledger.app.ports;
        let (issuer, audience) = (provider.issuer.clone(), provider.audience.clone());
        // Checks that cost nothing come before any request to a provider.
        let key = key_of(&token)?;
        let keys = match &provider.jwks_uri {
            Some(jwks_uri) => providers::keys(&self.ledger.app, jwks_uri, key.as_deref()).await?,
            None => {
                let description = self.describe(provider).await?;
                providers::keys(&self.ledger.app, &description.what.jwks_uri, key.as_deref()).await?
            }
        };
        let token = IdentityToken { issuer: issuer.clone(), audience: audience.clone(), keys, token, now: ports.now() };
        let claims = ports.identify(&token).await?;
        if nonce.is_some_and(|nonce| claims.nonce.as_deref() != Some(nonce)) {
            return Err(IdentityProviderError::Unfit(
                NotSignedIn::OtherFlow,
                NotSignedIn::OtherFlow.words().to_owned(),
            )
            .into());
        }
        let Claims { subject, email, email_verified, expires_at, .. } = claims;
        let claims = json!([issuer, audience, subject, email, email_verified]).to_string();
        let (claims, now) = (Digest::of(claims.as_bytes()), ports.now());
        {
            let mut admission = self.ledger.app.admission();
            admission.check_identity(self.workspace, claims, now)?;
            admission.take_allowance(self.workspace, QueryKind::SignIn, now)?;
        }
        let command = SignIn { issuer, audience, subject, email, email_verified, expires_at };
        let opened = self.ledger.ask(self.workspace, Actor::SignIn, self.from.clone(), command).await;
        opened.map_err(|problem| match problem.code {
            ProblemCode::SignInFailed => {
                let why = problem.internal.clone().unwrap_or_default();
                self.ledger.app.admission().reject_identity(self.workspace, claims, why, now);
                problem
            }
            ProblemCode::NotFound => Problem::sign_in_failed("the workspace no longer exists"),
            _ => problem,
        })
    }

    /// The provider's discovery document.
    pub(crate) async fn describe(
        &self,
        provider: &IdentityProvider,
    ) -> Result<Arc<CachedDocument<Description>>, Problem> {
        providers::describe(&self.ledger.app, &provider.issuer).await
    }

    /// Exchanges an authorization code for an identity token.
    pub(crate) async fn redeem(&self, code: &Redemption) -> Result<String, Problem> {
        providers::redeem(&self.ledger.app, self.from.address, code).await
    }
}

/// The workspace's identity providers. Any client may cause this lookup, so the result is cached for [`KEPT`]. For a
/// page of another origin the ledger is queried each time, at a limited rate, since only the ledger knows whether the
/// page is allowed. A provider that was removed in the meantime cannot sign any member in: the ledger decides that.
async fn providers<P: Ports>(
    ledger: &LedgerClient<P>,
    from: &Source,
    workspace: WorkspaceKey,
) -> Result<WorkspaceProviders, Problem> {
    let now = ledger.app.ports.now();
    if from.origin.is_none()
        && let Some(known) = ledger.app.known_providers().get(&workspace, now)
    {
        return Ok(known.clone());
    }
    let kind = if from.origin.is_some() { QueryKind::ForeignPage } else { QueryKind::BeforeSignIn };
    ledger.app.admission().take_allowance(workspace, kind, now)?;
    let asked = ledger.ask(workspace, Actor::SignIn, from.clone(), ReadIdentityProviders {}).await;
    let providers = match asked {
        Ok(reply) => WorkspaceProviders::Known(reply.read()?.providers),
        Err(problem) if problem.code == ProblemCode::NotFound => WorkspaceProviders::NoWorkspace,
        Err(problem) => return Err(problem),
    };
    ledger.app.known_providers().put(workspace, providers.clone(), KEPT, now);
    Ok(providers)
}

/// Whether the token claims to be issued by this provider for its audience. The claim is not verified yet.
pub(crate) fn is_claimed(token: &str, provider: &IdentityProvider) -> Option<bool> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims = json::parse(&payload).ok()?;
    let is_audience = |value: &Value| value.as_str() == Some(&provider.audience);
    let is_for_it = match claims.get("aud")? {
        Value::Array(several) => several.iter().any(is_audience),
        one => is_audience(one),
    };
    Some(is_for_it && claims.get("iss")?.as_str() == Some(provider.issuer.as_str()))
}

/// The id of the key that signed the token (`kid`), if the token names one.
///
/// # Errors
/// `SIGN_IN_FAILED` if this is not a token.
fn key_of(token: &str) -> Result<Option<String>, Problem> {
    let header = token.split('.').next().and_then(|header| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| json::parse(&header).ok()).filter(Value::is_object);
    let header = header.ok_or_else(|| Problem::sign_in_failed("the token could not be read"))?;
    Ok(header.get("kid").and_then(Value::as_str).map(str::to_owned))
}
