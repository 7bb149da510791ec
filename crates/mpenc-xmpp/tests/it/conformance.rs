//! Rooms keep to the contract of channels.

use mpenc::MemberId;
use mpenc_tokio::conformance::{Venue, check};
use mpenc_xmpp::XmppChannel;

use crate::server::{Kind, Server};
use crate::support::id;

impl Venue for Server {
    type Channel = XmppChannel;

    fn channel(&self, room: &str, name: &str) -> XmppChannel {
        XmppChannel::new(self.config(room, name))
    }

    fn member(&self, _: &str, name: &str) -> MemberId {
        id(name)
    }

    fn rival(&self, room: &str, name: &str) -> Option<XmppChannel> {
        Some(XmppChannel::new(self.config_as(room, "leo", name)))
    }
}

#[tokio::test]
async fn rooms_of_prosody_keep_to_the_contract() {
    check(&Server::start(Kind::Prosody).await).await.unwrap();
}

#[tokio::test]
async fn rooms_of_ejabberd_keep_to_the_contract() {
    check(&Server::start(Kind::Ejabberd).await).await.unwrap();
}
