//! Revokes one token, or many.

use counterfoil_protocol::command::{
    RevokeToken, RevokeTokens, RevokedTokens, Selection, State, TokenFilter, TokenView,
};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use serde::Deserialize;

use crate::{
    auth::Caller,
    http::{Id, IfMatch, Json, Problem, ProblemCode, Query, Reply, conditions::tagged},
    ledger_client::CommandOptions,
    ports::Ports,
};

/// The query of a revocation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeQuery {
    /// A reason for the audit log, at most 200 characters.
    reason: Option<String>,
    /// Send the response only once no `bounded` check accepts the token any more.
    #[serde(default)]
    wait: bool,
}

pub(crate) async fn revoke<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    IfMatch(if_version): IfMatch,
    Query(RevokeQuery { reason, wait }): Query<RevokeQuery>,
) -> Result<Reply<TokenView>, Problem> {
    let options = CommandOptions { if_version, wait, ..CommandOptions::default() };
    tagged(caller.ask_with(options, RevokeToken { id, reason }).await?)
}

/// The body of a request that revokes many tokens.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkRevocation {
    /// Revoke the tokens with these ids: 1 to 1,000.
    ids: Option<Vec<String>>,
    /// Revoke the tokens that this filter matches and that are not revoked.
    filter: Option<Filter>,
    /// A reason for the audit log, at most 200 characters.
    reason: Option<String>,
    /// Send the response only once no `bounded` check accepts the tokens any more.
    #[serde(default)]
    wait: bool,
}

/// Which tokens to select, with the same fields as the query of the list.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "TokenFilter"))]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The owner's member id.
    owner: Option<String>,
    /// The current state of the tokens.
    state: Option<State>,
    /// One of the token's own scopes, exactly.
    scope: Option<ScopePattern>,
    /// The client that the tokens are bound to or labelled with.
    client_id: Option<String>,
    /// The digest of the token value.
    digest: Option<Digest>,
    /// Text to find in the name, note, masked token (`hint`) or id, ignoring the case of ASCII letters. At most 200
    /// characters.
    q: Option<String>,
}

pub(crate) async fn revoke_many<P: Ports>(
    caller: Caller<P>,
    Json(BulkRevocation { ids, filter, reason, wait }): Json<BulkRevocation>,
) -> Result<Reply<RevokedTokens>, Problem> {
    let select = match (ids, filter) {
        (Some(ids), None) => Selection::Ids(ids),
        (None, Some(filter)) => Selection::Filter(filter.into()),
        _ => {
            let detail = "Send either `ids` or `filter`.";
            return Err(Problem::new(ProblemCode::InvalidValue, detail).at(""));
        }
    };
    caller.ask_with(CommandOptions { wait, ..CommandOptions::default() }, RevokeTokens { select, reason }).await
}

impl From<Filter> for TokenFilter {
    fn from(filter: Filter) -> Self {
        let Filter { owner, state, scope, client_id, digest, q } = filter;
        Self { owner, state, scope, client_id, digest, text: q, ..Self::default() }
    }
}
