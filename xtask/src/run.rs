//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where everything is built.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}

/// A command in the root of the workspace.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// The cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), args)
}

/// Runs a command; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_or(command, &[])
}

/// Runs a command; it must succeed, or end with one of these codes.
pub(crate) fn run_or(command: &mut Command, codes: &[i32]) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    if !status.success() && !status.code().is_some_and(|code| codes.contains(&code)) {
        bail!("this failed ({status}): {shown}");
    }
    Ok(())
}

/// Runs a command, and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        bail!("this failed ({}): {shown}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("no text came out of {shown}"))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    core::iter::once(program.into_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

/// Installs a cargo subcommand by the ordinary package manager, if it is missing.
pub(crate) fn tool(name: &str, version: &str) -> Result<()> {
    let subcommand = name.strip_prefix("cargo-").unwrap_or(name);
    let present = cargo(&[subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if present {
        return Ok(());
    }
    run(&mut cargo(&["install", name, "--locked", "--version", version]))
}

/// Installs a package of the system by its ordinary package manager, if its program is missing.
pub(crate) fn system(program: &str, package: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return Ok(());
    }
    println!("{package} is missing: it is installed by apt-get");
    // A fresh machine has no lists of packages; where they cannot be fetched, the old ones may do.
    let _ = command("apt-get", &["update", "-q"]).status();
    let install = ["install", "-y", "--no-install-recommends", package];
    // A server that the package manager would start is none that we need.
    run(command("apt-get", &install).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1"))
        .with_context(|| format!("install {package} by hand: the tests need it"))
}
