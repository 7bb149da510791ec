//! `mpenc keygen`: makes an identity key.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::keys::{Fingerprint, SecretKey};

/// What `mpenc keygen` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to put the secret key into. An existing file is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "mpenc.key")]
    out: PathBuf,
}

/// Makes a key, saves it, and shows the public part.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let secret = SecretKey::generate()?;
    secret.save(&args.out)?;
    let public = secret.public_key();
    writeln!(out, "secret key   {} (keep it to yourself)", args.out.display())?;
    writeln!(out, "public key   {}", hex::encode(public))?;
    writeln!(out, "fingerprint  {}", Fingerprint::of(&public))?;
    Ok(ExitCode::SUCCESS)
}
