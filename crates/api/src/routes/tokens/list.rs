//! Listing tokens.

use counterfoil_ledger::command::{ListTokens, Listing, Page, State, TokenColumn, TokenFilter, TokenSort, TokenView};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{answer::Reply, body::Query, credential::Caller, ports::Ports, problem::Problem};

/// Which tokens, in which order, and which page of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Question {
    owner: Option<String>,
    state: Option<State>,
    scope: Option<ScopePattern>,
    client_id: Option<String>,
    digest: Option<Digest>,
    q: Option<String>,
    #[serde(default)]
    sort: Sort,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(in crate::routes) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(question): Query<Question>,
) -> Result<Reply<Listing<TokenView>>, Problem> {
    let Question { owner, state, scope, client_id, digest, q, sort: Sort(sort), limit, cursor } = question;
    let filter = TokenFilter { owner, state, scope, client_id, digest, text: q };
    caller.ask(ListTokens { filter, sort, page: Page { limit, cursor } }).await
}

/// A column's name, with `-` before it for the other way round.
struct Sort(TokenSort);

impl Default for Sort {
    fn default() -> Self {
        Self(TokenSort { by: TokenColumn::Number, descending: true })
    }
}

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (name, descending) = text.strip_prefix('-').map_or((&*text, false), |name| (name, true));
        let by = match name {
            "number" => TokenColumn::Number,
            "name" => TokenColumn::Name,
            "created_at" => TokenColumn::CreatedAt,
            "expires_at" => TokenColumn::ExpiresAt,
            "last_used_at" => TokenColumn::LastUsedAt,
            _ => {
                let expected = "sort must be number, name, created_at, expires_at or last_used_at, or one of them with - before it";
                return Err(D::Error::custom(expected));
            }
        };
        Ok(Self(TokenSort { by, descending }))
    }
}
