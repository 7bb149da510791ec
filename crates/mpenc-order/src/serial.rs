//! Serialization (feature `serde`): everything as the text that people read.

use serde::{Serialize, Serializer};

use crate::{ChainHash, PacketId, RejectReason, UnknownAck};

macro_rules! text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

text!(ChainHash);
text!(PacketId);
text!(RejectReason);
text!(UnknownAck);
