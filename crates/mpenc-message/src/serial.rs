//! Serialization (feature `serde`): everything as the text that people read.

use serde::{Serialize, Serializer};

use crate::{OpenError, SealError};

macro_rules! text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

text!(OpenError);
text!(SealError);
