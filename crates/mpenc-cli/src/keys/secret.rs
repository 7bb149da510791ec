//! One's own secret key.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use mpenc_greet::LocalIdentity;
use zeroize::{Zeroize, Zeroizing};

use crate::hex_bytes;

/// The first line of a secret key file.
const HEADER: &str = "mpenc-secret-key 1";
/// What every version's first line starts with.
const HEADER_NAME: &str = "mpenc-secret-key ";
/// No honest file is larger; nothing larger is read.
const MAX_FILE: u64 = 4096;
/// Room for that much, and for one octet to see the end by.
const ROOM: usize = 4097;

/// An identity's secret key: an Ed25519 seed.
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// A new key, from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn generate() -> Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|error| anyhow!("the system's source of randomness failed: {error}"))?;
        Ok(Self(seed))
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.identity().public_key()
    }

    /// What signs with it.
    #[must_use]
    pub fn identity(&self) -> LocalIdentity {
        LocalIdentity::from_seed(&self.0)
    }

    /// Writes it to a new file that only its owner can read.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} exists already, and a key is never overwritten", path.display())
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        };
        let mut digits = hex::encode(self.0.as_slice());
        let text = Zeroizing::new(format!(
            "{HEADER}\n# Whoever reads the next line can speak in your name.\n{digits}\n"
        ));
        digits.zeroize();
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn parse(text: &str, shown: impl fmt::Display) -> Result<Self> {
        let mut lines = (1..).zip(text.lines().map(str::trim));
        match lines.next() {
            Some((_, HEADER)) => {}
            Some((line, other)) if other.starts_with(HEADER_NAME) => {
                bail!("{shown}:{line}: a secret key of another version than 1")
            }
            _ => bail!("{shown}:1: a secret key file starts with \"{HEADER}\""),
        }
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let Some((line, digits)) = lines.next() else {
            bail!("{shown}: the secret key itself is missing")
        };
        let seed = hex_bytes::parse(digits).map_err(|fault| anyhow!("{shown}:{line}: {fault}"))?;
        if let Some((line, _)) = lines.next() {
            bail!("{shown}:{line}: only one secret key is expected")
        }
        Ok(Self(Zeroizing::new(seed)))
    }
}

/// Reads a secret key file.
///
/// # Errors
/// It cannot be read, others than its owner can read it, or it is malformed: one sentence that
/// names the file, and the line.
pub fn load_identity(path: &Path) -> Result<SecretKey> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    check_private(&file, path)?;
    // With room for all of it, no copy of the key is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {shown}"))?;
    SecretKey::parse(&text, shown)
}

/// Refuses a file that its owner's group or the world can use.
#[cfg(unix)]
fn check_private(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let shown = path.display();
    let metadata = file.metadata().with_context(|| format!("cannot open {shown}"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "others than its owner can use {shown} (mode {mode:03o}): \
             change that first, with chmod 600 {shown}"
        )
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "this system has no such modes to check")]
fn check_private(_file: &File, _path: &Path) -> Result<()> {
    Ok(())
}
