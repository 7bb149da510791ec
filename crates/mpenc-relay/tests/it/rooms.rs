//! Many rooms at one time: a sample of what `examples/rooms` measures.

#[path = "../../examples/rooms/town.rs"]
mod town;

use mpenc_relay::Limits;

use crate::support::Running;
use town::Town;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_full_of_sessions_do_not_hear_each_other() {
    let mut limits = Limits::default();
    (limits.rooms, limits.connections) = (4, 12);
    let relay = Running::start(|config| config.limits(limits)).await;
    let mut town = Town::new(relay.addr, 4, 3);
    town.enter().await;
    town.establish().await;
    let before = relay.handle.statistics();
    town.talk(2).await;
    let now = relay.handle.statistics();
    assert_eq!((now.rooms, now.members, now.refused, now.too_slow), (4, 12, 0, 0));
    let (packets, deliveries) = (now.packets - before.packets, now.deliveries - before.deliveries);
    assert!(packets >= 4 * 3 * 2, "{packets}");
    assert_eq!(deliveries, packets * 3);
    drop(town);
    relay.stop().await;
}
