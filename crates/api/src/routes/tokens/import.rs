//! Imports tokens by their digests. Each line is independent: an invalid one is rejected, the others are imported.

use axum::extract::Request;
use base64::{
    Engine as _,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use counterfoil_protocol::{
    BuiltIn,
    command::{ImportLine, ImportTokens},
};
use counterfoil_token::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::create::NewToken;
use crate::{
    auth::Caller,
    http::{Idempotency, Problem, ProblemCode, Reply, body::fit, problem::Fault},
    ports::Ports,
};

/// The largest body of an import, in bytes: 4 MiB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The most lines of one import.
const MAX_LINES: usize = 10_000;

/// The body of an import request.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// 1 to 10,000 lines. Each is validated individually.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<ImportedToken>"))]
    tokens: Vec<Value>,
}

/// One third-party token to import.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "says what a line holds; it is read in two parts")]
struct ImportedToken {
    #[schemars(flatten)]
    origin: ImportOrigin,
    #[schemars(flatten)]
    token: NewToken,
}

/// What a line has beside what a new token has.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct ImportOrigin {
    /// The SHA-256 digest of the token value, 32 bytes. The value must be 16 to 512 visible ASCII characters and must
    /// not have the format of a Counterfoil token; other values can never be verified.
    digest: String,
    /// The encoding of the digest. Base64 may be padded or not.
    #[serde(default)]
    encoding: DigestEncoding,
    /// Whether the token value has so little entropy that it could be recovered from its digest by brute force. Such
    /// tokens are excluded from snapshots.
    #[serde(default)]
    weak: bool,
    /// The number of characters of the token value. Send it if you know it: values of a length that can never be
    /// verified are then rejected.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(range(min = 16, max = 512)))]
    length: Option<u64>,
}

/// How a digest is written.
#[derive(Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum DigestEncoding {
    #[default]
    Hex,
    Base64,
    Base64Url,
}

/// The result of an import.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Imported {
    /// How many lines were imported.
    imported: usize,
    /// One result for each line, in the same order.
    items: Vec<ImportedLine>,
}

/// The result of one line.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct ImportedLine {
    /// The number of the line. The first line is 1.
    line: usize,
    /// The result.
    result: LineResult,
    /// The new token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Why the line was rejected: a problem code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The field that caused the error, as a JSON pointer into the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum LineResult {
    Imported,
    Refused,
}

pub(crate) async fn import<P: Ports>(
    caller: Caller<P>,
    once: Idempotency,
    request: Request,
) -> Result<Reply<Imported>, Problem> {
    let body: Import = caller.large(request, MAX_BODY, BuiltIn::TokensImport).await?;
    if !(1..=MAX_LINES).contains(&body.tokens.len()) {
        return Err(invalid("/tokens", format!("Send 1 to {MAX_LINES} tokens.")));
    }
    let mut lines = Vec::new();
    let mut read = Vec::with_capacity(body.tokens.len());
    for line in body.tokens {
        read.push(parse(line).map(|line| lines.push(line)));
    }
    let answered = caller.ask_once(once, ImportTokens { lines }).await?;
    // The ledger's results are those of the lines that could be parsed, in their order.
    let mut outcomes = answered.read()?.lines.into_iter();
    let mut items = Vec::with_capacity(read.len());
    for (line, read) in (1..).zip(read) {
        let outcome = match read {
            Err(problem) => Err(problem),
            Ok(()) => {
                let outcome =
                    outcomes.next().ok_or_else(|| Problem::unreadable_reply("the ledger's reply lacks a line"))?;
                outcome.map_err(Problem::from)
            }
        };
        items.push(ImportedLine::of(line, outcome));
    }
    let imported = items.iter().filter(|line| line.result == LineResult::Imported).count();
    answered.with(&Imported { imported, items })
}

fn parse(line: Value) -> Result<ImportLine, Problem> {
    let Value::Object(mut token) = line else { return Err(invalid("", "Each line must be a JSON object.")) };
    let taken = ["digest", "encoding", "weak", "length"].into_iter().filter_map(|field| token.remove_entry(field));
    let origin: Map<String, Value> = taken.collect();
    let ImportOrigin { digest, encoding, weak, length } = fit(Value::Object(origin))?;
    let digest = decode(&digest, encoding).ok_or_else(|| {
        invalid("/digest", "A digest must be the 32 bytes of a SHA-256 in the given `encoding` (default: `hex`).")
    })?;
    let token = fit::<NewToken>(Value::Object(token))?.into_command()?;
    Ok(ImportLine { digest, weak, length, token })
}

fn decode(text: &str, encoding: DigestEncoding) -> Option<Digest> {
    let base64 = |alphabet: &Alphabet| {
        // With or without padding.
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let bytes = GeneralPurpose::new(alphabet, config).decode(text).ok()?;
        bytes.try_into().ok().map(Digest::from_bytes)
    };
    match encoding {
        DigestEncoding::Hex => Digest::from_hex(text).ok(),
        DigestEncoding::Base64 => base64(&STANDARD),
        DigestEncoding::Base64Url => base64(&URL_SAFE),
    }
}

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidValue, detail).at(pointer)
}

impl ImportedLine {
    fn of(line: usize, outcome: Result<String, Problem>) -> Self {
        let (id, problem) = match outcome {
            Ok(id) => (Some(id), None),
            Err(problem) => (None, Some(problem)),
        };
        let result = if problem.is_none() { LineResult::Imported } else { LineResult::Refused };
        let (code, detail, pointer) = match problem.map(Fault::from) {
            Some(Fault { code, detail, pointer, .. }) => (Some(code.as_str()), Some(detail), pointer),
            None => (None, None, None),
        };
        Self { line, result, id, code, detail, pointer }
    }
}
