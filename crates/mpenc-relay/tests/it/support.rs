use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use mpenc_relay::{
    ClientAction, Config, Ended, Frame, LeaveCause, Notice, Relay, RelayClient, RelayHandle,
    ServerFrame, decode_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A relay that runs until it is dropped or stopped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: RelayHandle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(config: impl FnOnce(Config) -> Config) -> Self {
        let relay = Relay::bind(config(Config::new(loopback()))).await.unwrap();
        let (addr, handle) = (relay.local_addr(), relay.handle());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(relay.run(async {
            let _ = stopped.await;
        }));
        Self { addr, handle, stop, task }
    }

    pub(crate) async fn enter(&self, name: &str) -> RelayClient {
        within(RelayClient::connect(self.addr, "room", name)).await.unwrap().0
    }

    /// Stops the relay and returns once it has ended.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.task).await.unwrap();
    }
}

pub(crate) fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

pub(crate) async fn say(client: &mut RelayClient, packet: &str) {
    within(client.send(ClientAction::Send { packet })).await.unwrap();
}

pub(crate) async fn next(client: &mut RelayClient) -> Option<Notice> {
    within(client.next()).await
}

pub(crate) fn packet(sender: &str, packet: &str) -> Option<Notice> {
    Some(Notice::Packet { sender: sender.to_owned(), packet: packet.to_owned() })
}

pub(crate) fn entered(name: &str) -> Option<Notice> {
    Some(Notice::Entered { name: name.to_owned() })
}

pub(crate) fn left(name: &str, cause: LeaveCause<String>) -> Option<Notice> {
    Some(Notice::Left { name: name.to_owned(), cause })
}

pub(crate) fn ended(cause: LeaveCause<String>) -> Option<Notice> {
    Some(Notice::Ended(Ended::Left(cause)))
}

/// Sends octets and returns the reason of the Refused that must be the relay's last word.
pub(crate) async fn refusal_of(stream: &mut TcpStream, octets: &[u8]) -> String {
    within(stream.write_all(octets)).await.unwrap();
    refusal(stream).await
}

/// The reason of the Refused that must be the relay's last word, after whatever else it says.
pub(crate) async fn refusal(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let mut rest = &answer[..];
    let mut last = None;
    while let Some((length, after)) = rest.split_first_chunk() {
        let (body, after) = after.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap());
        last = Some(decode_frame(body).unwrap());
        rest = after;
    }
    match last {
        Some(Frame::Server(ServerFrame::Refused { reason })) => reason.to_owned(),
        other => panic!("not refused: {other:?}"),
    }
}
