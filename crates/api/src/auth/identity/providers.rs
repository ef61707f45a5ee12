//! Requests to identity providers, through the isolate's cache.
//!
//! A stranger's request can cause a request to a provider only within the limits of
//! [`documents`](crate::cache::documents) and [`pacing`](crate::cache::pacing), and only at addresses that the deployment
//! allows, whether the workspace's settings or the provider itself named them.

use std::{net::IpAddr, sync::Arc};

use counterfoil_protocol::{WebAddress, command::IdentityProvider};
use serde_json::Value;

use crate::{
    cache::{
        documents::{CachedDocument, DocumentCache, Lookup},
        providers::Providers,
    },
    config::Config,
    http::{Problem, ProblemCode},
    ports::{Description, IdentityProviderError, Keys, Ports, Redemption, Told},
    state::App,
};

/// How long a request waits for a document that another one fetches, in milliseconds, and how often it checks.
const PATIENCE: u64 = 5_000;
const POLL_INTERVAL: u64 = 100;

/// Checks that the deployment allows these providers' addresses.
///
/// # Errors
/// `INVALID_VALUE` names the field that is not allowed.
pub(crate) fn check_addresses(config: &Config, providers: &[IdentityProvider]) -> Result<(), Problem> {
    for (index, provider) in providers.iter().enumerate() {
        let addresses = [("issuer", Some(&provider.issuer)), ("jwks_uri", provider.jwks_uri.as_ref())];
        for (field, address) in addresses {
            if let Some(address) = address.filter(|address| !config.may_ask(address)) {
                let detail = format!(
                    "The URL {address} is at a private or reserved address, or in a private domain. Use a provider \
                     on the public internet, or ask the operator of the deployment to set `PRIVATE_PROVIDERS` to \
                     `allow`."
                );
                let pointer = format!("/identity_providers/{index}/{field}");
                return Err(Problem::new(ProblemCode::InvalidValue, detail).at(pointer));
            }
        }
    }
    Ok(())
}

/// A provider's discovery document.
pub(crate) async fn describe<P: Ports>(
    app: &App<P>,
    issuer: &WebAddress,
) -> Result<Arc<CachedDocument<Description>>, Problem> {
    check(app, "issuer", issuer)?;
    let ask = async {
        let told = app.ports.describe(issuer).await?;
        if told.what.issuer != *issuer {
            return Err(IdentityProviderError::Unreachable("the provider's metadata names another issuer".to_owned()));
        }
        check(app, "authorization_endpoint", &told.what.authorization_endpoint)?;
        check(app, "token_endpoint", &told.what.token_endpoint)?;
        check(app, "jwks_uri", &told.what.jwks_uri)?;
        Ok(told)
    };
    obtain(app, |providers| &mut providers.descriptions, issuer, None, ask).await
}

/// The keys at this URL that may have signed a token with this `kid`, or with none.
pub(crate) async fn keys<P: Ports>(
    app: &App<P>,
    jwks_uri: &WebAddress,
    name: Option<&str>,
) -> Result<Vec<Value>, Problem> {
    check(app, "jwks_uri", jwks_uri)?;
    let mut known = obtain(app, |providers| &mut providers.keys, jwks_uri, None, read(app, jwks_uri)).await?;
    if known.what.named(name).next().is_none() {
        // The provider may have added it since.
        known = obtain(app, |providers| &mut providers.keys, jwks_uri, Some(&known), read(app, jwks_uri)).await?;
    }
    let keys: Vec<_> = known.what.named(name).cloned().collect();
    if keys.is_empty() {
        Err(Problem::sign_in_failed("the token names a key that its provider does not publish"))
    } else {
        Ok(keys)
    }
}

/// Fetches the keys, once this is awaited.
async fn read<P: Ports>(app: &App<P>, jwks_uri: &WebAddress) -> Result<Told<Keys>, IdentityProviderError> {
    app.ports.keys(jwks_uri).await
}

/// Exchanges an authorization code for an identity token, when it is the turn of the client at this address.
pub(crate) async fn redeem<P: Ports>(app: &App<P>, from: Option<IpAddr>, code: &Redemption) -> Result<String, Problem> {
    let wait = app.providers().exchanges.reserve(&code.token_endpoint, from, app.ports.now());
    match wait {
        None => {
            let why = "too many authorization codes are being exchanged at once";
            return Err(Problem::provider_unavailable(why).again_in(5));
        }
        Some(0) => {}
        Some(wait) => app.ports.sleep(wait).await,
    }
    Ok(app.ports.redeem(code).await?)
}

/// The document at this address, from the cache or fetched now.
async fn obtain<P: Ports, T>(
    app: &App<P>,
    cache: fn(&mut Providers) -> &mut DocumentCache<T>,
    address: &WebAddress,
    newer: Option<&CachedDocument<T>>,
    ask: impl Future<Output = Result<Told<T>, IdentityProviderError>>,
) -> Result<Arc<CachedDocument<T>>, Problem> {
    let began_at = app.ports.now();
    let mut waits = false;
    let fallback = loop {
        let now = app.ports.now();
        let found = cache(&mut app.providers()).look_up(address, newer, now);
        match found {
            Lookup::Cached(document) => return Ok(document),
            Lookup::Fetch(fallback) => break fallback,
            Lookup::Unavailable { why, retry_in } => return Err(unavailable(&why, retry_in)),
            Lookup::Wait => {}
        }
        waits = waits || cache(&mut app.providers()).may_wait(address, now);
        if !waits || now.since(began_at) >= PATIENCE {
            return Err(unavailable("too many requests already wait for the provider", 0));
        }
        app.ports.sleep(POLL_INTERVAL).await;
    };
    let told = ask.await;
    let now = app.ports.now();
    match told {
        Ok(Told { what, max_age }) => Ok(cache(&mut app.providers()).store(address, what, max_age, now)),
        Err(
            IdentityProviderError::Refused(why)
            | IdentityProviderError::Unfit(_, why)
            | IdentityProviderError::Unreachable(why),
        ) => {
            let pause = cache(&mut app.providers()).fail(address, &why, now);
            fallback.ok_or_else(|| unavailable(&why, pause))
        }
    }
}

/// The problem of a provider that is unavailable. A retry makes sense in `again_in` milliseconds.
fn unavailable(why: &str, again_in: u64) -> Problem {
    Problem::provider_unavailable(why).again_in(again_in.div_ceil(1_000).max(1))
}

fn check<P: Ports>(app: &App<P>, what: &str, address: &WebAddress) -> Result<(), IdentityProviderError> {
    if app.config().may_ask(address) {
        return Ok(());
    }
    let why = format!("the provider's {what} is a private or reserved address; PRIVATE_PROVIDERS can allow it");
    Err(IdentityProviderError::Unreachable(why))
}
