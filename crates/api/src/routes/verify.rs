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
    Code, ContentHash, Decision, Demand, Encoded, Facts, Freshness, Position, Question, Scope, ScopeSet, Segments,
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

/// What to verify: one token or several, against one requirement.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    /// The token to verify.
    token: Option<String>,
    /// The tokens to verify, 1 to 100.
    tokens: Option<Vec<String>>,
    /// The requirement that the tokens must meet.
    #[serde(default)]
    demand: DemandBody,
}

/// A requirement that a token must meet. It always applies to the caller's own workspace.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Demand"))]
#[serde(deny_unknown_fields, default)]
struct DemandBody {
    /// The token must have all of these scopes.
    all_of: Vec<Scope>,
    /// The token must have at least one of these scopes, if any are given.
    any_of: Vec<Scope>,
    /// The client's IP address.
    address: Option<IpAddr>,
    /// The freshness level: how stale the records of the decision may be.
    freshness: Freshness,
    /// Whether to fall back to an `eventual` decision if the ledger does not respond.
    or_eventual: bool,
}

/// One decision, or one for each token in the same order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum Verified {
    One(Box<DecisionBody>),
    Many { results: Vec<DecisionBody> },
}

/// The result of verifying a token.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Decision"))]
pub(crate) struct DecisionBody {
    /// Whether the code is `VALID`.
    valid: bool,
    /// What was decided.
    code: Code,
    /// If the code is `MALFORMED`: what is wrong with the token value.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The freshness level of the decision.
    freshness: Freshness,
    /// The time as of which the decision holds.
    as_of: Rfc3339,
    /// The token. Absent if the token does not exist in this workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<VerifiedToken>,
}

/// The token that was verified.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct VerifiedToken {
    id: String,
    number: u64,
    name: String,
    workspace: String,
    /// The owner's member id.
    owner: String,
    /// Effective scopes.
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
        (None, Some(_)) => return Err(invalid("/tokens", format!("Send 1 to {MAX_BATCH} tokens."))),
        _ => return Err(invalid("", "Send either `token` or `tokens`.")),
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

/// Which records to return.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedRecords {
    /// At most 100 digests.
    digests: Vec<Digest>,
}

pub(crate) async fn records<P: Ports>(
    caller: Caller<P>,
    Json(WantedRecords { digests }): Json<WantedRecords>,
) -> Result<Response, Problem> {
    if digests.len() > MAX_BATCH {
        return Err(invalid("/digests", format!("Send at most {MAX_BATCH} digests.")));
    }
    let answer = caller.ask(Records { digests }).await?.read()?;
    Ok(([(header::CONTENT_TYPE, ANSWER)], answer.0.encode()).into_response())
}

/// The body of a lease request of a verifier elsewhere.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WantedLease"))]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedLease {
    /// The position of the verifier's cache. Absent if the cache is empty.
    #[serde(default)]
    since: Option<PositionBody>,
    /// The digests of the token values to look up: at most 100.
    digests: Vec<Digest>,
    /// How often token values were used since the last report: at most 1,000.
    #[serde(default)]
    uses: Vec<CountedUses>,
    /// Present if the verifier loads segments. The response then says which segments it can use.
    #[serde(default)]
    segments: Option<LoadedSegments>,
}

/// Which segments the verifier has loaded.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct LoadedSegments {
    /// The name of the manifest that the verifier uses, in hexadecimal. Absent if it uses none yet.
    #[serde(default)]
    manifest: Option<Digest>,
}

/// A position in a ledger's history.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Position"))]
#[serde(deny_unknown_fields)]
struct PositionBody {
    epoch: u64,
    generation: u64,
}

/// How often one token value was used.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct CountedUses {
    digest: Digest,
    /// When it was last used.
    last_used_at: Rfc3339,
    count: u32,
}

pub(crate) async fn lease<P: Ports>(caller: Caller<P>, request: Request) -> Result<Response, Problem> {
    let body = caller.large(request, MAX_LEASE_BODY, BuiltIn::TokensVerify).await?;
    let WantedLease { since, digests, uses, segments } = body;
    if digests.len() > MAX_BATCH {
        return Err(invalid("/digests", format!("Send at most {MAX_BATCH} digests.")));
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
            detail: wrong.map(|why| format!("This is not a valid token: {why}.")),
            freshness: decision.freshness,
            as_of: Rfc3339(decision.as_of),
            token: decision.facts().map(VerifiedToken::from),
        }
    }
}

impl From<Facts<'_>> for VerifiedToken {
    fn from(facts: Facts<'_>) -> Self {
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
