//! How the ledger's types are stored in columns. Lists and maps are stored as JSON text.

use counterfoil_protocol::{
    Host, Hosts, Slug,
    command::{IdentityProvider, Role, State},
    json,
};
use counterfoil_token::{Digest, Prefix, SealEpoch, WorkspaceKey};
use counterfoil_verify::{AddressBlock, ContentHash, Freshness, Scope, ScopeSet};

use crate::sql::{FromValue, ToValue, Value};

impl FromValue for Digest {
    fn from_value(value: Value) -> Result<Self, Value> {
        let bytes = Vec::<u8>::from_value(value)?;
        bytes.try_into().map(Self::from_bytes).map_err(Value::Blob)
    }
}

impl ToValue for Digest {
    fn to_value(&self) -> Value {
        self.as_bytes().as_slice().into()
    }
}

impl FromValue for ContentHash {
    fn from_value(value: Value) -> Result<Self, Value> {
        Digest::from_value(value).map(|hash| Self::from_bytes(*hash.as_bytes()))
    }
}

impl ToValue for ContentHash {
    fn to_value(&self) -> Value {
        self.as_bytes().as_slice().into()
    }
}

/// Types that are stored as text and parsed when read.
macro_rules! as_text {
    ($($stored:ty: $parse:expr, $text:expr;)*) => { $(
        impl FromValue for $stored {
            fn from_value(value: Value) -> Result<Self, Value> {
                let text = String::from_value(value)?;
                $parse(&text).ok().ok_or(Value::Text(text))
            }
        }

        impl ToValue for $stored {
            fn to_value(&self) -> Value {
                Value::Text($text(self).into())
            }
        }
    )* };
}

as_text! {
    Slug: Slug::parse, Slug::as_str;
    Host: Host::parse, Host::as_str;
    Scope: Scope::parse, Scope::as_str;
    Prefix: Prefix::parse, Prefix::as_str;
    WorkspaceKey: WorkspaceKey::parse, WorkspaceKey::as_str;
    SealEpoch: SealEpoch::from_hex, SealEpoch::to_string;
}

/// Types that are stored as JSON text.
macro_rules! as_json {
    ($($stored:ty),* $(,)?) => { $(
        impl FromValue for $stored {
            fn from_value(value: Value) -> Result<Self, Value> {
                let text = String::from_value(value)?;
                json::read(text.as_bytes()).ok_or(Value::Text(text))
            }
        }

        impl ToValue for $stored {
            fn to_value(&self) -> Value {
                Value::json(self)
            }
        }
    )* };
}

as_json!(ScopeSet, Hosts, Vec<AddressBlock>, Vec<IdentityProvider>, Vec<String>);

/// An enum whose variants are stored under these names. A variant after a semicolon is never read.
macro_rules! as_name {
    ($stored:ident { $($variant:ident: $name:literal),* $(; $unread:ident: $unread_name:literal)? }) => {
        impl $crate::sql::FromValue for $stored {
            fn from_value(value: $crate::sql::Value) -> Result<Self, $crate::sql::Value> {
                match &*String::from_value(value)? {
                    $($name => Ok(Self::$variant),)*
                    other => Err(other.into()),
                }
            }
        }

        impl $crate::sql::ToValue for $stored {
            fn to_value(&self) -> $crate::sql::Value {
                match self {
                    $(Self::$variant => $name,)*
                    $(Self::$unread => $unread_name,)?
                }
                .into()
            }
        }
    };
}

pub(crate) use as_name;

as_name!(State { Revoked: "revoked", Disabled: "disabled", Expired: "expired", Pending: "pending", Active: "active" });
as_name!(Role { Admin: "admin", Member: "member" });
// No scope can require the freshness level `snapshot`.
as_name!(Freshness { Strong: "strong", Bounded: "bounded", Eventual: "eventual"; Snapshot: "snapshot" });
