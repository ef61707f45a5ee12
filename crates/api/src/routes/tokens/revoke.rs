//! Revoking one, and many.

use counterfoil_protocol::command::{
    RevokeToken, RevokeTokens, RevokedTokens, Selection, State, TokenFilter, TokenView,
};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use serde::Deserialize;

use crate::{
    auth::caller::Caller,
    http::{
        body::{Id, Json, Query},
        codes::ProblemCode,
        conditions::{IfMatch, tagged},
        problem::Problem,
        reply::Reply,
    },
    ledger_client::Terms,
    ports::Ports,
};

/// The query of a revocation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "RevokeQuery"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    /// For the audit, at most 200 characters.
    reason: Option<String>,
    /// Answers only when no `bounded` check accepts it any more.
    #[serde(default)]
    wait: bool,
}

pub(crate) async fn revoke<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    IfMatch(if_version): IfMatch,
    Query(Revoke { reason, wait }): Query<Revoke>,
) -> Result<Reply<TokenView>, Problem> {
    let terms = Terms { if_version, wait, ..Terms::default() };
    tagged(caller.ask_on(terms, RevokeToken { id, reason }).await?)
}

/// The body of a revocation of many.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "BulkRevocation"))]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeMany {
    /// These, by id; 1 to 1,000.
    ids: Option<Vec<String>>,
    /// Those that it finds and that are not revoked.
    filter: Option<Filter>,
    /// For the audit, at most 200 characters.
    reason: Option<String>,
    /// Answers only when no `bounded` check accepts them any more.
    #[serde(default)]
    wait: bool,
}

/// Which tokens, as the list's query says it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "TokenFilter"))]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The owner's member id.
    owner: Option<String>,
    /// What they are just now.
    state: Option<State>,
    /// One of the token's own scopes, to the letter.
    scope: Option<ScopePattern>,
    /// The client they are pinned to or labelled with.
    client_id: Option<String>,
    /// The digest of their text.
    digest: Option<Digest>,
    /// Found in the name, note, hint or id, whatever the case of ASCII letters; at most 200 characters.
    q: Option<String>,
}

pub(crate) async fn revoke_many<P: Ports>(
    caller: Caller<P>,
    Json(RevokeMany { ids, filter, reason, wait }): Json<RevokeMany>,
) -> Result<Reply<RevokedTokens>, Problem> {
    let select = match (ids, filter) {
        (Some(ids), None) => Selection::Ids(ids),
        (None, Some(filter)) => Selection::Filter(filter.into()),
        _ => {
            let detail = "Give either ids or filter.";
            return Err(Problem::new(ProblemCode::InvalidValue, detail).at(""));
        }
    };
    caller.ask_on(Terms { wait, ..Terms::default() }, RevokeTokens { select, reason }).await
}

impl From<Filter> for TokenFilter {
    fn from(filter: Filter) -> Self {
        let Filter { owner, state, scope, client_id, digest, q } = filter;
        Self { owner, state, scope, client_id, digest, text: q, ..Self::default() }
    }
}
