use core::fmt;

use mpenc_session::{ChannelAction, Config, Session};
use mpenc_tokio::{ChannelNotice, Driver, Events, GroupChannel, Handle, Options};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::solo::{Solo, SoloGreeter, member};

/// A channel whose notices the test gives, and whose actions the test sees.
pub(crate) struct Scripted {
    notices: mpsc::UnboundedReceiver<Result<ChannelNotice, Broken>>,
    actions: mpsc::UnboundedSender<ChannelAction>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel broke")
    }
}

impl core::error::Error for Broken {}

impl GroupChannel for Scripted {
    type Error = Broken;

    async fn next(&mut self) -> Result<ChannelNotice, Broken> {
        match self.notices.recv().await {
            Some(notice) => notice,
            None => std::future::pending().await,
        }
    }

    fn act(&mut self, action: ChannelAction) {
        let _ = self.actions.send(action);
    }
}

pub(crate) struct World {
    pub(crate) handle: Handle<Solo>,
    pub(crate) events: Events,
    pub(crate) notices: mpsc::UnboundedSender<Result<ChannelNotice, Broken>>,
    pub(crate) actions: mpsc::UnboundedReceiver<ChannelAction>,
    pub(crate) task: JoinHandle<Result<(), Broken>>,
}

/// Returns once every task waits: paused time passes only then. No real time passes.
pub(crate) async fn all_wait() {
    tokio::time::sleep(core::time::Duration::from_millis(1)).await;
}

/// A session of alice's, run by a driver.
pub(crate) fn start(options: Options) -> World {
    let session = Session::<Solo>::new(SoloGreeter::new("alice"), Config::default());
    let (notices, take_notices) = mpsc::unbounded_channel();
    let (put_actions, actions) = mpsc::unbounded_channel();
    let channel = Scripted { notices: take_notices, actions: put_actions };
    let options = options.rng(ChaCha20Rng::from_seed([7; 32]));
    let (driver, handle, events) = Driver::new(session, channel, options);
    World { handle, events, notices, actions, task: tokio::spawn(driver.run()) }
}

impl World {
    pub(crate) fn notice(&self, notice: ChannelNotice) {
        self.notices.send(Ok(notice)).unwrap();
    }

    /// The channel lets us in; these are there.
    pub(crate) fn let_in(&self, members: &[&str]) {
        let members = members.iter().map(|name| member(name)).collect();
        self.notice(ChannelNotice::Entered { members });
    }

    pub(crate) fn text(&self, sender: &str, packet: &str) {
        self.notice(ChannelNotice::Packet { sender: member(sender), packet: packet.to_owned() });
    }
}
