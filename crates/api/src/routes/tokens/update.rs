//! Changes a token: in a `PATCH`, absent fields are unchanged and `null` clears a field.

use std::{collections::BTreeMap, fmt};

use counterfoil_protocol::command::{Lifetime, Patch, ScopeChange, TokenView, UpdateToken};
use counterfoil_verify::{AddressBlock, ScopePattern};
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Map, Value};

use super::create::ends_twice;
use crate::{
    auth::Caller,
    http::{
        Id, IfMatch, Json, Problem, Reply,
        conditions::tagged,
        patch::{clearable, present},
        time::{End, Rfc3339, seconds_present},
    },
    ledger_client::CommandOptions,
    ports::Ports,
};

/// The body of a change. Omitted fields are unchanged.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::describe::change))]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenChange {
    /// 0–200 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// 0–1,000 characters.
    #[serde(default, deserialize_with = "clearable")]
    note: Patch<String>,
    /// Whether the token is enabled.
    #[serde(default, deserialize_with = "present")]
    enabled: Option<bool>,
    /// An array replaces the scopes; an object adds (`true`) or removes (`false`) individual scopes.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Scopes>,
    /// When the token expires: a time, or the last day (UTC) on which it is valid. `null` removes the expiration. Not
    /// together with `expires_in`.
    #[serde(default, deserialize_with = "clearable")]
    expires_at: Patch<End>,
    /// In how many seconds the token expires.
    #[serde(default, deserialize_with = "seconds_present")]
    expires_in: Option<u64>,
    /// The time from which the token is valid.
    #[serde(default, deserialize_with = "clearable")]
    not_before: Patch<Rfc3339>,
    /// IP addresses or CIDR ranges from which the token can be used. If empty, any address is allowed.
    #[serde(default, deserialize_with = "present")]
    allowed_addresses: Option<Vec<AddressBlock>>,
    /// At most 4 KiB of JSON, at most 32 levels deep.
    #[serde(default, deserialize_with = "clearable")]
    metadata: Patch<Map<String, Value>>,
    /// Send the response only once every check except `eventual` ones uses the change.
    #[serde(default)]
    wait: bool,
}

pub(crate) async fn update<P: Ports>(
    caller: Caller<P>,
    Id(id): Id,
    IfMatch(if_version): IfMatch,
    Json(body): Json<TokenChange>,
) -> Result<Reply<TokenView>, Problem> {
    let lifetime = match (body.expires_at, body.expires_in) {
        (Patch::Keep, None) => Patch::Keep,
        (Patch::Keep, Some(seconds)) => Patch::Set(Lifetime::Seconds(seconds)),
        (Patch::Clear, None) => Patch::Clear,
        (Patch::Set(End(end)), None) => Patch::Set(Lifetime::Until(end)),
        (_, Some(_)) => return Err(ends_twice()),
    };
    let not_before = match body.not_before {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(Rfc3339(start)) => Patch::Set(start),
    };
    let command = UpdateToken {
        id,
        name: body.name,
        note: body.note,
        enabled: body.enabled,
        scopes: body.scopes.map(|Scopes(change)| change),
        lifetime,
        not_before,
        allowed_addresses: body.allowed_addresses,
        metadata: body.metadata,
    };
    let options = CommandOptions { if_version, wait: body.wait, ..CommandOptions::default() };
    tagged(caller.ask_with(options, command).await?)
}

/// A list replaces the scopes, a map of booleans adds and removes some.
struct Scopes(ScopeChange);

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Scopes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScopeChange".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            generator.subschema_for::<Vec<ScopePattern>>(),
            {
                "type": "object",
                "propertyNames": generator.subschema_for::<ScopePattern>(),
                "additionalProperties": { "type": "boolean" },
            },
        ] })
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;

        impl<'de> Visitor<'de> for ListOrMap {
            type Value = ScopeChange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, or an object of scopes with true or false")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ScopeChange, A::Error> {
                Vec::<ScopePattern>::deserialize(SeqAccessDeserializer::new(list)).map(ScopeChange::Replace)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ScopeChange, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(ScopeChange::Merge)
            }
        }

        deserializer.deserialize_any(ListOrMap).map(Self)
    }
}
