//! Paths in the registry: a prefix for the kind, the workspace, and the item.
//!
//! Without `core::fmt`, which would be a tenth of a verification module.

use alloc::string::String;

use counterfoil_token::WorkspaceKey;

pub(crate) fn of_workspace(kind: &str, workspace: WorkspaceKey) -> String {
    let mut path = String::from(kind);
    path.push_str(workspace.as_str());
    path
}

pub(crate) fn of_hash(kind: &str, workspace: WorkspaceKey, hash: &[u8; 32]) -> String {
    let mut path = of_workspace(kind, workspace);
    path.push('/');
    path.push_str(&hex::encode(hash));
    path
}

pub(crate) fn of_number(kind: &str, workspace: WorkspaceKey, number: u64) -> String {
    let mut path = of_workspace(kind, workspace);
    path.push('/');
    push_decimal(&mut path, number);
    path
}

fn push_decimal(text: &mut String, number: u64) {
    if number > 9 {
        push_decimal(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}
