//! Rooms of the relay keep to the contract of channels.

use mpenc::{Dialect, MemberId};
use mpenc_relay::RelayChannel;
use mpenc_tokio::conformance::{Venue, check};

use crate::support::Running;

impl Venue for Running {
    type Channel = RelayChannel;

    fn channel(&self, room: &str, name: &str) -> RelayChannel {
        RelayChannel::new(self.addr, room, name, Dialect::DOCUMENT)
    }

    fn member(&self, _: &str, name: &str) -> MemberId {
        MemberId::new(Dialect::DOCUMENT, name).unwrap()
    }
}

#[tokio::test]
async fn rooms_of_the_relay_keep_to_the_contract() {
    let relay = Running::start(|config| config).await;
    check(&relay).await.unwrap();
}
