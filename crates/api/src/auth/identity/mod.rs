//! Signing in by an identity provider (OpenID Connect Core 1.0).
//!
//! An identity token is taken from a provider of the workspace alone. Which one that may be, the token says itself, and
//! is not believed: the [ports](crate::ports::Ports::identify) check its signature by that provider's keys, and that it
//! is the provider's, for this audience, and good now. Whose it is, the ledger decides. How often strangers have a
//! provider asked is bounded by what an isolate [remembers](crate::memory::providers). Whatever fails is answered alike;
//! the log says why, and the audit where the provider did sign the token.

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
    http::{codes::ProblemCode, problem::Problem, reply::Reply},
    ledger_client::{Gate, Source, Terms},
    memory::{admission::Kind, documents::Dated, providers::KEPT},
    ports::{Claims, Description, IdentityToken, NotVouched, Ports, Redemption},
};

/// The longest identity token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// A workspace in which somebody signs in, and who may vouch for them there.
pub(crate) struct Entrance<P> {
    gate: Gate<P>,
    from: Source,
    workspace: WorkspaceKey,
    pub(crate) providers: Vec<IdentityProvider>,
}

impl<P: Ports> Entrance<P> {
    /// The entrance to the workspace with this slug; none where there is no such workspace.
    pub(crate) async fn to(gate: Gate<P>, from: Source, slug: &str) -> Result<Option<Self>, Problem> {
        let Some(workspace) = gate.resolve(slug, gate.stranger(from.address)).await? else {
            // There is no setting that would allow it.
            return if from.origin.is_some() { Err(Problem::origin_not_allowed()) } else { Ok(None) };
        };
        let providers = providers(&gate, &from, workspace).await?;
        Ok(providers.map(|providers| Self { gate, from, workspace, providers }))
    }

    /// Opens a session for whom the token is about, of whichever provider it is.
    pub(crate) async fn open(self, token: String) -> Result<Reply<OpenedSession>, Problem> {
        if token.len() > LONGEST_TOKEN {
            return Err(Problem::sign_in_failed("the token is too long"));
        }
        let provider = self.providers.iter().find(|provider| is_claimed(&token, provider).unwrap_or_default());
        let provider = provider.ok_or_else(|| Problem::sign_in_failed("the token is of no provider"))?.clone();
        self.open_by(&provider, token, None).await
    }

    /// The same, of this provider and in the flow with this nonce. Where the provider did sign the token and nobody signs in
    /// nevertheless, the audit is told why: whoever cannot sign it tells the audit nothing.
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
            let (said, now) = (Digest::of(json!(note).to_string().as_bytes()), self.gate.app.ports.now());
            if !self.gate.app.admission().is_news(self.workspace, said, now) {
                return outcome;
            }
            // The answer is the same whether or not it was noted; the log has the reason in any case.
            let noted = self.gate.ask(self.workspace, Actor::SignIn, self.from, Terms::default(), note).await;
            if noted.is_err() {
                self.gate.app.admission().is_untold(self.workspace, said);
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
        let ports = &self.gate.app.ports;
        let (issuer, audience) = (provider.issuer.clone(), provider.audience.clone());
        // Whatever could have a provider asked comes after what costs nothing.
        let key = key_of(&token).ok_or_else(|| Problem::sign_in_failed("the token could not be read"))?;
        let keys = match &provider.jwks_uri {
            Some(jwks_uri) => providers::keys(&self.gate.app, jwks_uri, key.as_deref()).await?,
            None => {
                let description = self.describe(provider).await?;
                providers::keys(&self.gate.app, &description.what.jwks_uri, key.as_deref()).await?
            }
        };
        let token = IdentityToken { issuer: issuer.clone(), audience: audience.clone(), keys, token, now: ports.now() };
        let claims = ports.identify(&token).await?;
        if nonce.is_some_and(|nonce| claims.nonce.as_deref() != Some(nonce)) {
            return Err(NotVouched::Unfit(NotSignedIn::OtherFlow, NotSignedIn::OtherFlow.words().to_owned()).into());
        }
        let Claims { subject, email, email_verified, expires_at, .. } = claims;
        let said = json!([issuer, audience, subject, email, email_verified]).to_string();
        let (said, now) = (Digest::of(said.as_bytes()), ports.now());
        {
            let mut admission = self.gate.app.admission();
            admission.check_somebody(self.workspace, said, now)?;
            admission.take(self.workspace, Kind::SignIn, now)?;
        }
        let command = SignIn { issuer, audience, subject, email, email_verified, expires_at };
        let opened = self.gate.ask(self.workspace, Actor::SignIn, self.from.clone(), Terms::default(), command).await;
        opened.map_err(|problem| match problem.code {
            ProblemCode::SignInFailed => {
                let why = problem.internal.clone().unwrap_or_default();
                self.gate.app.admission().refuse_nobody(self.workspace, said, why, now);
                problem
            }
            ProblemCode::NotFound => Problem::sign_in_failed("the workspace is gone"),
            _ => problem,
        })
    }

    /// What a provider says of itself.
    pub(crate) async fn describe(&self, provider: &IdentityProvider) -> Result<Arc<Dated<Description>>, Problem> {
        providers::describe(&self.gate.app, &provider.issuer).await
    }

    /// Exchanges a code for an identity token.
    pub(crate) async fn redeem(&self, code: &Redemption) -> Result<String, Problem> {
        providers::redeem(&self.gate.app, self.from.address, code).await
    }
}

/// The workspace's providers; none where there is no such workspace. Anybody may ask: so the answer is remembered for
/// [`KEPT`], and whether pages of other origins may have it, which only the ledger knows, is asked so many times a second.
/// A provider that was removed in the meantime signs nobody in: the ledger knows.
async fn providers<P: Ports>(
    gate: &Gate<P>,
    from: &Source,
    workspace: WorkspaceKey,
) -> Result<Option<Vec<IdentityProvider>>, Problem> {
    let now = gate.app.ports.now();
    if from.origin.is_none()
        && let Some(known) = gate.app.entrances().get(&workspace, now)
    {
        return Ok(known.clone());
    }
    let kind = if from.origin.is_some() { Kind::Page } else { Kind::Entrance };
    gate.app.admission().take(workspace, kind, now)?;
    let asked = gate.ask(workspace, Actor::SignIn, from.clone(), Terms::default(), ReadIdentityProviders {}).await;
    let providers = match asked {
        Ok(reply) => Some(reply.read()?.providers),
        Err(problem) if problem.code == ProblemCode::NotFound => None,
        Err(problem) => return Err(problem),
    };
    gate.app.entrances().put(workspace, providers.clone(), KEPT, now);
    Ok(providers)
}

/// Whether the token claims to be of this provider; nothing of it is believed yet.
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

/// The name of the key by which a token says that it is signed, if it names one; nothing where it is no token.
fn key_of(token: &str) -> Option<Option<String>> {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header = json::parse(&header).ok()?;
    Some(header.as_object()?.get("kid").and_then(Value::as_str).map(str::to_owned))
}
