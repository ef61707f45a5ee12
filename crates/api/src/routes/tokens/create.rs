//! Creates a token.

use counterfoil_protocol::command::{CreateToken, Issued, Lifetime};
use counterfoil_verify::{AddressBlock, ScopePattern};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    auth::Caller,
    http::{
        Idempotency, Json, Problem, ProblemCode, Reply,
        conditions::TokenHead,
        reply::location,
        time::{End, Rfc3339, seconds_if_any},
    },
    ports::Ports,
};

/// The body of a creation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// 0–200 characters.
    name: String,
    /// 0–1,000 characters.
    note: Option<String>,
    /// The owner's member id; the caller's own member where absent. Root has none and must name one.
    owner: Option<String>,
    /// Its own scopes, at most 100. Each is built in, or in the catalogue, or a wildcard that matches such.
    scopes: Vec<ScopePattern>,
    /// When it ends, or the last day it works through, in UTC; at most one of this and `expires_in`. Where neither is given, as late as may be.
    expires_at: Option<End>,
    /// In how many seconds it ends.
    #[serde(default, deserialize_with = "seconds_if_any")]
    expires_in: Option<u64>,
    /// Valid from here on; before its end.
    not_before: Option<Rfc3339>,
    /// Whether it starts switched on; it does where absent.
    enabled: Option<bool>,
    /// Where it may be used from, at most 100 blocks. Where empty: anywhere, or where the creating token may be used from unless that holds `tokens:grant`.
    #[serde(default)]
    allowed_addresses: Vec<AddressBlock>,
    /// The client to pin it to.
    client_id: Option<String>,
    /// At most 4 KiB of JSON, at most 32 levels deep.
    metadata: Option<Map<String, Value>>,
}

pub(crate) async fn create<P: Ports>(
    caller: Caller<P>,
    once: Idempotency,
    Json(body): Json<NewToken>,
) -> Result<Reply<Issued>, Problem> {
    let issued = caller.ask_once(once, body.into_command()?).await?;
    let made: TokenHead = issued.read_as()?;
    Ok(issued.created(location("/v1/tokens/", &made.id)).header(made.etag()))
}

impl NewToken {
    pub(crate) fn into_command(self) -> Result<CreateToken, Problem> {
        let lifetime = match (self.expires_at, self.expires_in) {
            (None, None) => Lifetime::Longest,
            (Some(End(end)), None) => Lifetime::Until(end),
            (None, Some(seconds)) => Lifetime::Seconds(seconds),
            (Some(_), Some(_)) => return Err(ends_twice()),
        };
        Ok(CreateToken {
            name: self.name,
            note: self.note,
            owner: self.owner,
            scopes: self.scopes,
            lifetime,
            not_before: self.not_before.map(|Rfc3339(start)| start),
            enabled: self.enabled.unwrap_or(true),
            allowed_addresses: self.allowed_addresses,
            client_id: self.client_id,
            metadata: self.metadata,
        })
    }
}

pub(crate) fn ends_twice() -> Problem {
    let detail = "Give expires_at or expires_in, not both.";
    Problem::new(ProblemCode::InvalidValue, detail).at("/expires_in")
}
