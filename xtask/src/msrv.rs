//! The compiler that we say is enough.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, output};

/// Checks that no dependency says that it needs a newer compiler than we do.
pub(crate) fn check() -> Result<()> {
    let text = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata gave no JSON")?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata named no packages")?;
    let own = packages
        .iter()
        .find(|package| package.get("name").is_some_and(|name| name == "mpenc"))
        .and_then(|package| version(package.get("rust_version")))
        .context("the workspace does not say which compiler is enough")?;
    let mut faults = 0_usize;
    for package in packages {
        if let Some(needed) = version(package.get("rust_version"))
            && needed > own
        {
            faults += 1;
            eprintln!(
                "{} needs Rust {}",
                name(package),
                package.get("rust_version").unwrap_or(&Value::Null)
            );
        }
    }
    if faults > 0 {
        bail!("{faults} packages need a newer compiler than the root manifest says");
    }
    let [major, minor, _] = own;
    println!("every package says that Rust {major}.{minor} is enough");
    Ok(())
}

/// Major, minor, patch.
fn version(value: Option<&Value>) -> Option<[u64; 3]> {
    let mut parts = value?.as_str()?.split('.').map(str::parse);
    let mut next = || parts.next().unwrap_or(Ok(0)).ok();
    Some([next()?, next()?, next()?])
}

fn name(package: &Value) -> &str {
    package.get("name").and_then(Value::as_str).unwrap_or("?")
}
