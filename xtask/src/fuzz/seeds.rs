//! Fuzzing inputs made from the test vectors.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::project::Project;

/// The flags that the `verifier` target reads from its input: third-party token, strong, eventual, segments, and whether the
/// digest of the token is put into the response.
const CHECKS: [[u8; 5]; 4] = [[0, 0, 0, 0, 1], [0, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1]];

/// Writes the inputs, in one folder per target.
///
/// # Errors
///
/// If a vector file has an unexpected structure, or a file cannot be written.
pub(super) fn write(project: &Project, folder: &Path) -> Result<()> {
    if folder.is_dir() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let mut out = Out { folder: folder.to_owned(), count: 0 };
    let vectors = |name: &str| read(&project.root.join("tests/vectors").join(name));
    let wire = |name: &str| read(&project.root.join("crates/ledger/tests/wire").join(name));

    let records = vectors("records.json")?;
    for (target, file) in [("records", &records), ("segment", &vectors("segments.json")?)] {
        for bytes in every(file, "bytes") {
            out.put(target, &unhex(bytes)?)?;
        }
    }
    for bytes in every(&vectors("snapshots.json")?, "bytes") {
        out.put("snapshot", &unhex(bytes)?)?;
    }
    for bytes in every(&vectors("segments.json")?, "bytes") {
        out.put("snapshot", &unhex(bytes)?)?;
    }
    for text in every(&vectors("token.json")?, "text") {
        out.put("presented", text.as_bytes())?;
    }
    let presented = vectors("presented.json")?;
    for case in presented["cases"].as_array().context("presented.json has no cases")? {
        let headers = case["headers"].as_array().into_iter().flatten();
        let line = |header: &Value| Some(format!("{}: {}\n", header[0].as_str()?, header[1].as_str()?));
        out.put("headers", headers.filter_map(line).collect::<String>().as_bytes())?;
    }
    for check in CHECKS {
        let of = |kind: &str| records[kind][0]["bytes"].as_str().context("records.json lacks a kind").and_then(unhex);
        let (token, owner, workspace) = (of("tokens")?, of("owners")?, of("workspaces")?);
        let chunks = [check.to_vec(), token, owner, workspace, vec![], of("answers")?, of("grants")?];
        let mut input = Vec::new();
        for chunk in chunks {
            input.extend(u16::try_from(chunk.len()).context("a chunk is too long")?.to_le_bytes());
            input.extend(chunk);
        }
        out.put("verifier", &input)?;
    }
    for file in ["requests.json", "replies.json", "refusals.json", "directory.json"] {
        for (_, item) in wire(file)?.as_object().context("a wire file is not a JSON object")? {
            out.put("wire", item.to_string().as_bytes())?;
            if let Some(command) = item.get("command") {
                // The actor, in the target's encoding. An actor with a token is the admin.
                let who = match item["actor"].as_str() {
                    Some("root") => 0,
                    Some("verifier") => 1,
                    Some("sign_in") => 2,
                    _ => 7,
                };
                out.put("ledger", &[&[who], command.to_string().as_bytes()].concat())?;
            }
        }
    }
    Ok(())
}

struct Out {
    folder: PathBuf,
    count: usize,
}

impl Out {
    fn put(&mut self, target: &str, input: &[u8]) -> Result<()> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        self.count += 1;
        let file = folder.join(format!("{:04}", self.count));
        fs::write(&file, input).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not valid JSON", file.display()))
}

/// Every string in a field of this name, at any depth.
fn every<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| every(item, name)).collect(),
        Value::Object(fields) => {
            let own = fields.get(name).and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(|field| every(field, name))).collect()
        }
        _ => Vec::new(),
    }
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    hex::decode(text).with_context(|| format!("{text:?} is not valid hex"))
}
