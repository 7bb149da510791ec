//! Identity keys on disk: one's own secret key, and the public keys of one's peers.
//!
//! Both are lines of text. A secret key file, readable by its owner alone:
//!
//! ```text
//! mpenc-secret-key 1
//! # Whoever reads the next line can speak in your name.
//! 8f0b…   (the Ed25519 seed: 64 hexadecimal digits)
//! ```
//!
//! A peers file: a name, white space, and a public key; empty lines and lines that start with `#`
//! are skipped:
//!
//! ```text
//! # compared by telephone
//! ann    2c14a4546c226a27ec55…   (64 hexadecimal digits)
//! ben    a1e35640af42fa38e3f6…
//! ```

mod fingerprint;
mod peers;
mod secret;

pub use fingerprint::Fingerprint;
pub use peers::{Peers, load_peers};
pub use secret::{SecretKey, load_identity};
