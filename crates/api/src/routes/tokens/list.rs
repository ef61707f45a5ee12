//! Lists tokens.

use counterfoil_protocol::command::{ListTokens, Listing, Page, State, TokenColumn, TokenFilter, TokenSort, TokenView};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    auth::Caller,
    http::{Problem, Query, Reply},
    ports::Ports,
};

/// Which tokens, in which order, and which page of them.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenQuery {
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
    /// The column to sort by, with `-` before it for descending order. Default: `-number`.
    #[serde(default)]
    sort: Sort,
    /// The number of items per page: 1 to 100. Default: 50.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Include each token's uses on this many of the last days (UTC, including today) as `daily_uses`.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 90)))]
    usage: Option<u32>,
}

pub(crate) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(question): Query<TokenQuery>,
) -> Result<Reply<Listing<TokenView>>, Problem> {
    let TokenQuery { owner, state, scope, client_id, digest, q, sort: Sort(sort), limit, cursor, usage } = question;
    let filter = TokenFilter { owner, state, scope, client_id, digest, text: q, ..TokenFilter::default() };
    caller.ask(ListTokens { filter, sort, page: Page { limit, cursor }, usage }).await
}

/// A column's name, with a leading `-` for descending order.
struct Sort(TokenSort);

impl Default for Sort {
    fn default() -> Self {
        Self(TokenSort { by: TokenColumn::Number, descending: true })
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Sort {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TokenSort".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^-?(number|name|created_at|expires_at|last_used_at)$" })
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
                let expected = "`sort` must be `number`, `name`, `created_at`, `expires_at` or `last_used_at`, with \
                    an optional `-` before it";
                return Err(D::Error::custom(expected));
            }
        };
        Ok(Self(TokenSort { by, descending }))
    }
}
