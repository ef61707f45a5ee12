//! Workspaces, which only root makes.

use std::ops::RangeInclusive;

use axum::{Json as Answer, http::StatusCode};
use counterfoil_ledger::{
    command::{self, Actor, Bootstrap},
    directory::{Claim, Claimed, Confirm, Slug},
};
use counterfoil_token::{Prefix, WorkspaceKey};
use serde::{Deserialize, Serialize};

use super::shapes::IssuedToken;
use crate::{body::Json, credential::Root, ledger::Gate, ports::Ports, problem::Problem, time::Rfc3339};

/// How many keys are drawn before giving up. Of 62⁵ keys the first is free unless hundreds of millions are taken.
const DRAWS: usize = 8;

/// How many characters a workspace's name has, as [`Bootstrap`] takes it.
const NAME_LENGTH: RangeInclusive<usize> = 1..=200;

/// The body of a creation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    slug: Slug,
    name: String,
    prefix: Option<Prefix>,
}

/// A workspace and its first admin's first token.
#[derive(Serialize)]
pub(super) struct Created {
    workspace: Workspace,
    token: IssuedToken,
}

/// A workspace.
#[derive(Serialize)]
pub(super) struct Workspace {
    slug: Slug,
    key: WorkspaceKey,
    name: String,
    prefix: Prefix,
    created_at: Rfc3339,
}

/// Claims the slug, makes the workspace, confirms the slug: in this order, so that whoever repeats the request after a
/// failure in between gets the same workspace, and a token that they do see. Where only the news of the last step was
/// lost, repeating it is refused as existing, and root issues itself a token there.
pub(super) async fn create<P: Ports>(
    root: Root<P>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Answer<Created>), Problem> {
    // The ledger says so too, but by then the slug is reserved.
    if !NAME_LENGTH.contains(&body.name.chars().count()) {
        let detail = format!("Must have {} to {} characters.", NAME_LENGTH.start(), NAME_LENGTH.end());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_VALUE", detail).at("/name"));
    }
    let key = claim(&root.gate, &body.slug).await?;
    let bootstrap = Bootstrap { slug: body.slug.clone(), name: body.name, prefix: body.prefix.unwrap_or_default() };
    let made = root.gate.ask(key, Actor::Root, root.address, bootstrap).await?;
    root.gate.directory(Confirm { slug: body.slug }).await?;
    let created = Created { workspace: made.workspace.into(), token: made.admin.into() };
    Ok((StatusCode::CREATED, Answer(created)))
}

/// The key under which the workspace is to be made.
async fn claim<P: Ports>(gate: &Gate<P>, slug: &Slug) -> Result<WorkspaceKey, Problem> {
    for _ in 0..DRAWS {
        let mut random = |bytes: &mut [u8]| gate.app.ports.random(bytes);
        let key = WorkspaceKey::draw(&mut random).map_err(|error| Problem::internal(error.to_string()))?;
        let claimed = gate.directory(Claim { slug: slug.clone(), candidate: key }).await?;
        match claimed {
            Claimed::Reserved { key } => return Ok(key),
            Claimed::KeyTaken => {}
            Claimed::SlugTaken => {
                let detail = "There is already a workspace with this slug.";
                return Err(Problem::new(StatusCode::CONFLICT, "ALREADY_EXISTS", detail).at("/slug"));
            }
        }
    }
    Err(Problem::internal("no free workspace key was drawn"))
}

impl From<command::Workspace> for Workspace {
    fn from(workspace: command::Workspace) -> Self {
        Self {
            slug: workspace.slug,
            key: workspace.key,
            name: workspace.name,
            prefix: workspace.prefix,
            created_at: Rfc3339(workspace.created_at),
        }
    }
}
