//! Why a call through a handle gives no result.

use core::error::Error;
use core::fmt;

use mpenc_session::ApiMisuse;

/// The driver has ended: there is no session to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session's driver has ended")
    }
}

impl Error for Gone {}

/// Why a call did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The driver has ended.
    Gone,
    /// The call does not fit the session's state.
    Misuse(ApiMisuse),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => Gone.fmt(f),
            Self::Misuse(error) => error.fmt(f),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Gone => None,
            // Shown as our own text already: what comes next is its cause.
            Self::Misuse(error) => error.source(),
        }
    }
}

impl From<Gone> for CallError {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ApiMisuse> for CallError {
    fn from(error: ApiMisuse) -> Self {
        Self::Misuse(error)
    }
}
