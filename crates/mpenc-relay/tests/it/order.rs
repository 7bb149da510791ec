use std::sync::Arc;

use mpenc_relay::{Notice, Recording, RelayClient};
use tokio::sync::Semaphore;

use crate::support::{Running, entered, say, within};

const MEMBERS: usize = 5;
const EACH: usize = 40;

/// Sends its packets, as fast as it can, and reads until the packet `end`.
async fn take_part(mut client: RelayClient, done: Arc<Semaphore>) -> Vec<Notice> {
    let mut seen = Vec::new();
    let mut own = 0;
    let mut sent = 0;
    loop {
        if sent < EACH {
            let packet = format!("{} {sent}", client.name());
            say(&mut client, &packet).await;
            sent += 1;
        }
        let notice = within(client.next()).await.unwrap();
        if let Notice::Packet { sender, packet } = &notice {
            if packet == "end" {
                return seen;
            }
            if sender == client.name() {
                own += 1;
                if own == EACH {
                    done.add_permits(1);
                }
            }
        }
        seen.push(notice);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_one_order_from_their_entering_on() {
    let recording = Arc::new(Recording::new(1 << 20));
    let relay = Running::start(|config| config.observer(recording.clone())).await;
    let done = Arc::new(Semaphore::new(0));
    let mut first = relay.enter("first").await;
    let mut tasks = Vec::new();
    // Those who entered talk already while the others are entering.
    for member in 0..MEMBERS {
        let name = format!("member{member}");
        let client = relay.enter(&name).await;
        tasks.push((name, tokio::spawn(take_part(client, done.clone()))));
    }
    let all_done = async {
        let _ = within(done.acquire_many(u32::try_from(MEMBERS).unwrap())).await.unwrap();
    };
    let mut all_done = std::pin::pin!(all_done);
    let mut seen = Vec::new();
    let mut ending = false;
    loop {
        tokio::select! {
            notice = first.next() => match notice.unwrap() {
                Notice::Packet { packet, .. } if packet == "end" => break,
                notice => seen.push(notice),
            },
            () = &mut all_done, if !ending => {
                ending = true;
                say(&mut first, "end").await;
            }
        }
    }
    let packets = seen.iter().filter(|notice| matches!(notice, Notice::Packet { .. })).count();
    assert_eq!(packets, MEMBERS * EACH);
    for (name, task) in tasks {
        let theirs = within(task).await.unwrap();
        let place = seen.iter().position(|notice| Some(notice) == entered(&name).as_ref()).unwrap();
        let expected: Vec<_> =
            seen[place + 1..].iter().filter(|notice| !is_leave(notice)).collect();
        let theirs: Vec<_> = theirs.iter().filter(|notice| !is_leave(notice)).collect();
        assert_eq!(theirs, expected, "{name}");
    }
    // The relay's own record has the same order, too.
    let recorded: Vec<_> =
        recording.take().into_iter().map(|seen| (seen.sender, seen.packet)).collect();
    let mut expected: Vec<_> = seen
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::Packet { sender, packet } => Some((sender, packet)),
            _ => None,
        })
        .collect();
    expected.push(("first".to_owned(), "end".to_owned()));
    assert_eq!(recorded, expected);
    drop(first);
    relay.stop().await;
}

/// Members leave as they come to the end, which others see or do not, depending on when they do.
fn is_leave(notice: &Notice) -> bool {
    matches!(notice, Notice::Left { .. })
}
