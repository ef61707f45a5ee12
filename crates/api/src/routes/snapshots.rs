//! Snapshots: the ledger returns a snapshot's head and the names of its files; the files are streamed from the registry,
//! one after the other.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use counterfoil_protocol::command::{
    ReadSnapshot, ReadSnapshotKeys, SignedHead, Snapshot, SnapshotFiles, SnapshotKeys,
};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{ContentHash, RegistryKey, Snapshot as File};
use futures_util::{StreamExt, stream};

use crate::{
    auth::Caller,
    http::{Problem, ProblemCode, Reply, conditions},
    ledger_client::LedgerClient,
    ports::{CutOff, LogEvent, Ports},
};

/// The media type of a snapshot; see `counterfoil_verify::Snapshot`.
pub(crate) const SNAPSHOT: &str = "application/vnd.counterfoil.snapshot";

/// How many files are read concurrently, and how many are available before the first byte is sent. A segment has some
/// hundred kilobytes, and an isolate cannot hold a large snapshot.
const WIDTH: usize = 4;

/// The most files of one snapshot, including its manifest: the platform allows an invocation a thousand reads.
const MOST_FILES: usize = 950;

/// A client that keeps the file revalidates it each time.
const CACHE: &str = "private, no-cache";

pub(crate) async fn read<P: Ports>(caller: Caller<P>, headers: HeaderMap) -> Result<Response, Problem> {
    let SnapshotFiles { slug, head: SignedHead(head), files } = match caller.ask(ReadSnapshot {}).await?.read()? {
        Snapshot::Ready(ready) => ready,
        Snapshot::NotYet { retry_in } => {
            return Err(Problem::snapshot_not_ready(retry_in, "the snapshot has not been built yet"));
        }
    };
    // The head names the manifest by its hash, and the manifest all other files.
    let tag = format!("\"{}\"", Digest::of(&head));
    let known = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, CACHE.to_owned())];
    if conditions::is_unmodified(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    if files.len() > MOST_FILES {
        let detail = "The workspace has more tokens or members than a snapshot can hold. Verify with leases instead.";
        return Err(Problem::new(ProblemCode::SnapshotTooLarge, detail));
    }
    let described = [
        (header::CONTENT_TYPE, SNAPSHOT.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.snapshot\"", slug.as_str())),
    ];
    let body = body(caller.ledger, caller.workspace, head, files).await?;
    Ok((known, described, body).into_response())
}

pub(crate) async fn keys<P: Ports>(caller: Caller<P>) -> Result<Reply<SnapshotKeys>, Problem> {
    caller.ask(ReadSnapshotKeys {}).await
}

/// The response body. Until the first byte is sent, a failure can still be reported; after that, the response ends where
/// it fails.
async fn body<P: Ports>(
    ledger: LedgerClient<P>,
    workspace: WorkspaceKey,
    head: Vec<u8>,
    files: Vec<ContentHash>,
) -> Result<Body, Problem> {
    let of_body = ledger.clone();
    let read = move |name| read_file(ledger.clone(), workspace, name);
    let mut files = Box::pin(stream::iter(files).map(read).buffered(WIDTH));
    let mut first = vec![Ok(head)];
    while first.len() <= WIDTH
        && let Some(file) = files.next().await
    {
        first.push(Ok(file.map_err(|why| Problem::snapshot_not_ready(1, why))?));
    }
    let rest = files.inspect(move |file| {
        if let Err(why) = file {
            let (request_id, detail) = (of_body.trace.request_id.to_string(), why.clone());
            of_body.app.ports.log(&LogEvent::CutOff(CutOff {
                level: "error",
                code: "SNAPSHOT_CUT_OFF",
                request_id,
                detail,
            }));
        }
    });
    Ok(Body::from_stream(stream::iter(first).chain(rest)))
}

/// One file as it is embedded in the snapshot, or why it is unavailable.
async fn read_file<P: Ports>(
    ledger: LedgerClient<P>,
    workspace: WorkspaceKey,
    name: ContentHash,
) -> Result<Vec<u8>, String> {
    ledger.trace.count_registry_reads(1);
    let found = ledger.app.ports.registry(&[RegistryKey::File(workspace, name)]).await;
    let file = found.map_err(|error| error.to_string())?.pop().flatten();
    let file = file.ok_or_else(|| format!("the registry does not have {}", name.path(workspace)))?;
    if ContentHash::of(&file) != name {
        return Err(format!("the registry's value under {} has the wrong content", name.path(workspace)));
    }
    Ok([File::announce(file.len()), file].concat())
}
