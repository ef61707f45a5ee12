//! Runs other programs.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

/// Runs `command` with its output on this terminal.
///
/// # Errors
///
/// If it cannot be started or does not succeed.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    if status.success() { Ok(()) } else { bail!("{} failed ({status})", shown(command)) }
}

/// Runs `command` and returns its standard output, without showing it.
///
/// # Errors
///
/// If it cannot be started or does not succeed; the error then contains all of its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(stdout);
    }
    bail!("{} failed ({status})\n{stdout}{}", shown(command), String::from_utf8_lossy(&stderr))
}

/// Runs `command` and returns its standard output followed by its standard error, without showing them.
///
/// # Errors
///
/// As [`output`].
pub(crate) fn output_with_errors(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() { Ok(said) } else { bail!("{} failed ({status})\n{said}", shown(command)) }
}

/// Runs `command` without showing its output.
///
/// # Errors
///
/// As [`output`].
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Replaces this process with the program, which keeps the process id and so receives the signals sent to it.
///
/// # Errors
///
/// If it cannot be started; on other systems than Unix, where it runs as a child, also if it fails.
#[cfg(unix)]
pub(crate) fn replace(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).with_context(|| cannot_start(command))
}

#[cfg(not(unix))]
pub(crate) fn replace(command: &mut Command) -> Result<()> {
    show(command)
}

pub(crate) fn cannot_start(command: &Command) -> String {
    format!("cannot start {}", command.get_program().to_string_lossy())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
