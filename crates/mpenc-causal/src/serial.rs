//! Serialization (feature `serde`): errors as the text that people read.

use core::fmt::Display;

use serde::{Serialize, Serializer};

use crate::AddError;

impl<I, A> Serialize for AddError<I, A>
where
    Self: Display,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
