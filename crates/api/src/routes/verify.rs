//! Verification: decisions for callers of the API, and records for other verifiers.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use counterfoil_protocol::{
    BuiltIn,
    command::{Actor, Lease, Records, Uses},
    json,
};
use counterfoil_token::{Digest, Presented};
use counterfoil_verify::{
    Code, ContentHash, Decision, Demand, Encoded, Freshness, Known, Position, Question, Scope, ScopeSet, Segments,
};
use futures_util::future::BoxFuture;
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;

use crate::{
    auth::Caller,
    http::{Json, Problem, ProblemCode, time::Rfc3339},
    ports::Ports,
    verifying::Check,
};

/// The most tokens that are verified in one request, and the most digests in one request for records.
const MAX_BATCH: usize = Question::MOST_DIGESTS;

/// The scope that a caller needs to verify tokens.
const VERIFY: &str = "tokens:verify";

/// The media type of records in their binary layout; see `counterfoil_verify::Answer`.
pub(crate) const ANSWER: &str = "application/vnd.counterfoil.answer";

/// The media type of a lease; see `counterfoil_verify::Grant`.
pub(crate) const LEASE: &str = "application/vnd.counterfoil.lease";

/// The largest request for a lease, in bytes: one with a thousand uses.
const MAX_LEASE_BODY: usize = 256 * 1024;

/// What is to be verified: one token or several, against one demand.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    /// The one token to be decided about.
    token: Option<String>,
    /// Or several, 1 to 100.
    tokens: Option<Vec<String>>,
    /// What they must satisfy.
    #[serde(default)]
    demand: DemandBody,
}

/// A demand. Its workspace is the caller's own, always.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Demand"))]
#[serde(deny_unknown_fields, default)]
struct DemandBody {
    /// Every one of these scopes.
    all_of: Vec<Scope>,
    /// At least one of these, where there are any.
    any_of: Vec<Scope>,
    /// Where the client calls from.
    address: Option<IpAddr>,
    /// How stale the answer may be.
    freshness: Freshness,
    /// Whether an eventual answer will do where the ledger does not answer.
    or_eventual: bool,
}

/// One decision, or one for each token in their order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum Verified {
    One(Box<DecisionBody>),
    Many { results: Vec<DecisionBody> },
}

/// A decision.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Decision"))]
pub(crate) struct DecisionBody {
    /// Whether the code is `VALID`.
    valid: bool,
    /// What was decided.
    code: Code,
    /// Of a `MALFORMED` text: what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How fresh the answer is.
    freshness: Freshness,
    /// When it was so.
    as_of: Rfc3339,
    /// Absent where it was never issued, or not in this workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<VerifiedToken>,
}

/// Who the token is, where it was ever issued.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct VerifiedToken {
    id: String,
    number: u64,
    name: String,
    workspace: String,
    /// The owner's member id.
    owner: String,
    /// What it may do.
    scopes: ScopeSet,
    client_id: Option<String>,
    expires_at: Option<Rfc3339>,
    metadata: Option<Value>,
}

pub(crate) async fn verify<P: Ports>(
    caller: Caller<P>,
    Json(body): Json<Verification>,
) -> Result<Json<Verified>, Problem> {
    // The verifier decides here, but only the ledger knows which origins a workspace allows.
    if caller.ledger.trace.origin.is_some() {
        return Err(Problem::origin_not_allowed());
    }
    let (tokens, single) = match (body.token, body.tokens) {
        (Some(token), None) => (vec![token], true),
        (None, Some(tokens)) if (1..=MAX_BATCH).contains(&tokens.len()) => (tokens, false),
        (None, Some(_)) => return Err(invalid("/tokens", format!("Give 1 to {MAX_BATCH} tokens."))),
        _ => return Err(invalid("", "Give either token or tokens.")),
    };
    let mut demand = Demand::of(caller.workspace);
    demand.all_of = body.demand.all_of;
    demand.any_of = body.demand.any_of;
    demand.address = body.demand.address;
    demand.freshness = body.demand.freshness;
    demand.or_eventual = body.demand.or_eventual;
    let decisions = decide(&caller, &tokens, &demand).await?;
    let mut results: Vec<_> =
        decisions.into_iter().zip(&tokens).map(|(decision, text)| DecisionBody::of(decision, text)).collect();
    match (single, results.pop()) {
        (true, Some(only)) => Ok(Json(Verified::One(Box::new(only)))),
        (_, last) => {
            results.extend(last);
            Ok(Json(Verified::Many { results }))
        }
    }
}

/// Verifies these token values in the caller's name, in their order, and counts the uses of the valid ones.
///
/// # Errors
/// If the caller's own token is not valid, or lacks `tokens:verify`.
pub(crate) fn decide<'a, P: Ports>(
    caller: &'a Caller<P>,
    texts: &'a [String],
    demand: &'a Demand,
) -> BoxFuture<'a, Result<Vec<Decision>, Problem>> {
    Box::pin(async move {
        // The caller's own token is one more check in the same batch: together they need one request to the ledger.
        let admission = admission(caller, demand).await?;
        let checks = texts.iter().map(|text| Check { text: text.as_bytes(), demand });
        let own = admission.as_ref().map(|demand| Check { text: caller.text.expose(), demand });
        let mut decisions = caller.ledger.decide_all(&checks.chain(own).collect::<Vec<_>>()).await;
        if admission.is_some() {
            admit(caller, decisions.pop())?;
        }
        let valid = texts.iter().zip(&decisions).filter(|(_, decision)| decision.code == Code::Valid);
        caller.ledger.count_uses(caller.workspace, valid.map(|(text, _)| Digest::of(text.as_bytes())));
        Ok(decisions)
    })
}

/// The requirement for the caller's own token; none for root, and for sessions, which only the ledger can check.
///
/// The caller does not choose the freshness of the decision about its own token: it is at least `bounded`, otherwise a
/// gateway whose token was revoked could continue with eventual checks. If the ledger does not respond to anybody, an
/// eventual decision is accepted for callers that ask for no better one: an outage of the ledger stops no eventual check.
async fn admission<P: Ports>(caller: &Caller<P>, asked: &Demand) -> Result<Option<Demand>, Problem> {
    match caller.actor {
        Actor::Root => return Ok(None),
        Actor::Session(_) => {
            // The ledger rejects a caller that may not verify, even if no records are requested.
            caller.ask(Records { digests: Vec::new() }).await?;
            return Ok(None);
        }
        Actor::Token(_) | Actor::Verifier | Actor::SignIn => {}
    }
    let scope = Scope::parse(VERIFY).map_err(|error| Problem::internal(error.to_string()))?;
    let mut demand = Demand::of(caller.workspace);
    demand.all_of = vec![scope];
    demand.address = caller.address;
    demand.freshness = asked.freshness.max(Freshness::Bounded);
    demand.or_eventual = asked.or_eventual || asked.freshness < Freshness::Bounded;
    Ok(Some(demand))
}

fn admit<P: Ports>(caller: &Caller<P>, decision: Option<Decision>) -> Result<(), Problem> {
    let code = decision.map(|decision| decision.code);
    if matches!(code, Some(Code::Valid | Code::InsufficientScope)) {
        let now = caller.ledger.app.ports.now();
        caller.ledger.app.admission().admit(caller.workspace, caller.actor, caller.address, now);
        caller.ledger.count_caller(caller.workspace, caller.actor);
    }
    match code {
        Some(Code::Valid) => Ok(()),
        Some(Code::InsufficientScope) => Err(Problem::missing_scope(VERIFY)),
        Some(code) => Err(Problem::credential(code)),
        None => Err(Problem::internal("the caller's own check gave no decision")),
    }
}

/// Which records are wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedRecords {
    /// At most 100.
    digests: Vec<Digest>,
}

pub(crate) async fn records<P: Ports>(
    caller: Caller<P>,
    Json(WantedRecords { digests }): Json<WantedRecords>,
) -> Result<Response, Problem> {
    if digests.len() > MAX_BATCH {
        return Err(invalid("/digests", format!("Give at most {MAX_BATCH} digests.")));
    }
    let answer = caller.ask(Records { digests }).await?.read()?;
    Ok(([(header::CONTENT_TYPE, ANSWER)], answer.0.encode()).into_response())
}

/// What a verifier elsewhere asks for a lease.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WantedLease"))]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedLease {
    /// As of when its memory is; absent where it holds nothing.
    #[serde(default)]
    since: Option<PositionBody>,
    /// The texts in question: at most 100.
    digests: Vec<Digest>,
    /// How often texts were used since it last told: at most 1,000.
    #[serde(default)]
    uses: Vec<CountedUses>,
    /// Present where the asker loads segments: it is told by which it may go.
    #[serde(default)]
    segments: Option<LoadedSegments>,
}

/// What an asker has of segments.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct LoadedSegments {
    /// The name of the manifest that it goes by, in hexadecimal; absent where by none yet.
    #[serde(default)]
    manifest: Option<Digest>,
}

/// How far a ledger's history had come.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Position"))]
#[serde(deny_unknown_fields)]
struct PositionBody {
    epoch: u64,
    generation: u64,
}

/// Uses of one text.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct CountedUses {
    digest: Digest,
    /// The last of them.
    last_used_at: Rfc3339,
    count: u32,
}

pub(crate) async fn lease<P: Ports>(caller: Caller<P>, request: Request) -> Result<Response, Problem> {
    let body = caller.large(request, MAX_LEASE_BODY, BuiltIn::TokensVerify).await?;
    let WantedLease { since, digests, uses, segments } = body;
    if digests.len() > MAX_BATCH {
        return Err(invalid("/digests", format!("Give at most {MAX_BATCH} digests.")));
    }
    let since = since.map(|PositionBody { epoch, generation }| Position { epoch, generation });
    let uses = uses.into_iter().map(|CountedUses { digest, last_used_at: Rfc3339(last_used_at), count }| Uses {
        digest,
        last_used_at,
        count,
    });
    let segments = segments.map(|LoadedSegments { manifest }| Segments {
        manifest: manifest.map(|hash| ContentHash::from_bytes(*hash.as_bytes())),
    });
    let grant = caller.ask(Lease { since, digests, uses: uses.collect(), segments }).await?.read()?;
    Ok(([(header::CONTENT_TYPE, LEASE)], grant.0.encode()).into_response())
}

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidValue, detail).at(pointer)
}

impl DecisionBody {
    fn of(decision: Decision, text: &str) -> Self {
        let wrong = Presented::parse(text.as_bytes()).err().filter(|_| decision.code == Code::Malformed);
        Self {
            valid: decision.code == Code::Valid,
            code: decision.code,
            detail: wrong.map(|why| format!("This is not a token: {why}.")),
            freshness: decision.freshness,
            as_of: Rfc3339(decision.as_of),
            token: decision.known.as_ref().map(VerifiedToken::from),
        }
    }
}

impl From<&Known> for VerifiedToken {
    fn from(known: &Known) -> Self {
        let facts = known.facts();
        let owned = |text: &str| text.to_owned();
        Self {
            id: owned(&facts.token.id),
            number: facts.token.number,
            name: owned(&facts.token.name),
            workspace: owned(&facts.workspace.slug),
            owner: owned(&facts.owner.id),
            scopes: facts.effective_scopes(),
            client_id: facts.token.client_id.as_deref().map(owned),
            expires_at: facts.token.expires_at.map(Rfc3339),
            metadata: facts.token.metadata.as_deref().and_then(|text| json::parse(text.as_bytes()).ok()),
        }
    }
}
