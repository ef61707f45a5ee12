//! Requests to identity providers. JavaScript sends them: `crates/worker/js/identity.mjs`.

use std::time::Duration;

use counterfoil_api::{Claims, Description, IdentityProviderError, IdentityToken, Keys, Redemption, Told};
use counterfoil_protocol::{WebAddress, command::NotSignedIn, json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen_futures::JsFuture;

use crate::platform::within;

/// The timeout of a request. JavaScript allows the provider five seconds.
const TIMEOUT: Duration = Duration::from_secs(6);

#[wasm_bindgen]
extern "C" {
    /// Defined by the entry module. Both sides are JSON, and it never rejects.
    #[wasm_bindgen(js_name = askProvider)]
    fn ask_provider(question: &str) -> js_sys::Promise;
}

/// The possible requests.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question<'a> {
    /// Returns a [`Description`].
    Describe(&'a WebAddress),
    /// Returns [`Keys`].
    Keys(&'a WebAddress),
    /// Returns an ID token.
    Redeem(&'a Redemption),
    /// Returns [`Claims`].
    Identify(&'a IdentityToken),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Value),
    Refused(String),
    Unfit { reason: NotSignedIn, why: String },
    Unreachable(String),
}

pub(crate) async fn describe(issuer: WebAddress) -> Result<Told<Description>, IdentityProviderError> {
    ask(Question::Describe(&issuer)).await
}

pub(crate) async fn keys(jwks_uri: WebAddress) -> Result<Told<Keys>, IdentityProviderError> {
    ask(Question::Keys(&jwks_uri)).await
}

pub(crate) async fn redeem(code: Redemption) -> Result<String, IdentityProviderError> {
    ask(Question::Redeem(&code)).await
}

pub(crate) async fn identify(token: IdentityToken) -> Result<Claims, IdentityProviderError> {
    ask(Question::Identify(&token)).await
}

/// Sends a request and decodes the reply strictly; a reply of another form is an error.
async fn ask<T: DeserializeOwned>(question: Question<'_>) -> Result<T, IdentityProviderError> {
    match put(question).await? {
        Answer::Ok(value) => json::fit(value).map_err(|error| {
            IdentityProviderError::Unreachable(format!(
                "the provider's response has an unexpected value at {}",
                error.pointer()
            ))
        }),
        Answer::Refused(why) => Err(IdentityProviderError::Refused(why)),
        Answer::Unfit { reason, why } => Err(IdentityProviderError::Unfit(reason, why)),
        Answer::Unreachable(why) => Err(IdentityProviderError::Unreachable(why)),
    }
}

async fn put(question: Question<'_>) -> Result<Answer, IdentityProviderError> {
    let unreachable = |why: &str| IdentityProviderError::Unreachable(why.to_owned());
    let question = serde_json::to_string(&question).map_err(|_| unreachable("a question has no JSON form"))?;
    let answer = async {
        JsFuture::from(ask_provider(&question)).await.map_err(|_| "the request to the identity provider was not sent")
    };
    let answer =
        within(TIMEOUT, answer).await.map_err(|error| IdentityProviderError::Unreachable(error.to_string()))?;
    let answer = answer.as_string().and_then(|answer| json::read(answer.as_bytes()));
    answer.ok_or_else(|| unreachable("the response cannot be read"))
}
