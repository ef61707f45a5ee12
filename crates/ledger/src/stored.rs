//! How the ledger's own types lie in columns. Lists and maps lie there as JSON text.

use counterfoil_protocol::{Host, Slug, command::Role};
use counterfoil_token::{Digest, Prefix, SealEpoch, WorkspaceKey};
use counterfoil_verify::{Freshness, Name, Scope};

use crate::{
    editions::{Kind, Stage},
    sql::{FromValue, Value},
};

impl FromValue for Digest {
    fn from_value(value: Value) -> Result<Self, Value> {
        let bytes = Vec::<u8>::from_value(value)?;
        bytes.try_into().map(Self::from_bytes).map_err(Value::Blob)
    }
}

impl From<Digest> for Value {
    fn from(digest: Digest) -> Self {
        digest.as_bytes().as_slice().into()
    }
}

impl FromValue for Name {
    fn from_value(value: Value) -> Result<Self, Value> {
        Digest::from_value(value).map(|hash| Self::from_bytes(*hash.as_bytes()))
    }
}

impl From<Name> for Value {
    fn from(name: Name) -> Self {
        name.as_bytes().as_slice().into()
    }
}

/// Types that lie in a column as text and are parsed when read.
macro_rules! as_text {
    ($($stored:ty: $parse:expr, $text:expr;)*) => { $(
        impl FromValue for $stored {
            fn from_value(value: Value) -> Result<Self, Value> {
                let text = String::from_value(value)?;
                $parse(&text).ok().ok_or(Value::Text(text))
            }
        }

        impl From<&$stored> for Value {
            fn from(stored: &$stored) -> Self {
                Self::Text($text(stored).into())
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
    Role: role, role_name;
    Freshness: freshness, freshness_name;
    Kind: kind, kind_name;
    Stage: stage, stage_name;
}

/// A column holds a name that none of its type has.
struct UnknownName;

fn role(name: &str) -> Result<Role, UnknownName> {
    match name {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        _ => Err(UnknownName),
    }
}

fn role_name(role: &Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

fn freshness(name: &str) -> Result<Freshness, UnknownName> {
    match name {
        "strong" => Ok(Freshness::Strong),
        "bounded" => Ok(Freshness::Bounded),
        "eventual" => Ok(Freshness::Eventual),
        _ => Err(UnknownName),
    }
}

fn freshness_name(freshness: &Freshness) -> &'static str {
    match freshness {
        Freshness::Strong => "strong",
        Freshness::Bounded => "bounded",
        Freshness::Eventual => "eventual",
        // No scope can ask for it: it is read from nowhere.
        Freshness::Snapshot => "snapshot",
    }
}

fn kind(name: &str) -> Result<Kind, UnknownName> {
    match name {
        "leases" => Ok(Kind::Leases),
        "snapshots" => Ok(Kind::Snapshots),
        _ => Err(UnknownName),
    }
}

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Leases => "leases",
        Kind::Snapshots => "snapshots",
    }
}

fn stage(name: &str) -> Result<Stage, UnknownName> {
    match name {
        "tokens" => Ok(Stage::Tokens),
        "members" => Ok(Stage::Members),
        "files" => Ok(Stage::Files),
        _ => Err(UnknownName),
    }
}

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::Tokens => "tokens",
        Stage::Members => "members",
        Stage::Files => "files",
    }
}
