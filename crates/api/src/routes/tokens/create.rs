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

/// The body of a request that creates one.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// 0–200 characters.
    name: String,
    /// 0–1,000 characters.
    note: Option<String>,
    /// The member id of the owner. Default: the caller's own member. The root token belongs to no member and must name
    /// an owner.
    owner: Option<String>,
    /// The token's own scopes, at most 100. Each is built in, is in the catalogue, or is a wildcard that matches such a
    /// scope.
    scopes: Vec<ScopePattern>,
    /// When the token expires: a time, or the last day (UTC) on which it is valid. Send at most one of `expires_at` and
    /// `expires_in`; without either, the token expires as late as is allowed.
    expires_at: Option<End>,
    /// In how many seconds the token expires.
    #[serde(default, deserialize_with = "seconds_if_any")]
    expires_in: Option<u64>,
    /// The time from which the token is valid. It must be earlier than the expiration.
    not_before: Option<Rfc3339>,
    /// Whether the token is enabled. Default: `true`.
    enabled: Option<bool>,
    /// IP addresses or CIDR ranges from which the token can be used, at most 100. If empty, any address is allowed, or
    /// those of the creating token unless that has `tokens:grant`.
    #[serde(default)]
    allowed_addresses: Vec<AddressBlock>,
    /// The client to bind the token to.
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
    let detail = "Send `expires_at` or `expires_in`, not both.";
    Problem::new(ProblemCode::InvalidValue, detail).at("/expires_in")
}
