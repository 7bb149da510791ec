//! A program without the standard library that founds a group and talks in it: its own panic
//! handler and allocator. Of the C library it takes only the start-up code, `memcpy` and the like,
//! and `_exit`. Exits with 0 if the two members agree.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use mpenc::{
    ChannelAction, ChannelEvent, CliquesGreeter, Config, Ctx, Dialect, Input, Instant,
    LocalIdentity, MemberId, Membership, MpencSession, Output, Outputs,
};

/// Octets for the whole run: nothing is ever given back.
const ROOM: usize = 8 << 20;

#[repr(align(16))]
struct Bump {
    room: UnsafeCell<[u8; ROOM]>,
    used: AtomicUsize,
}

// SAFETY: the room is handed out in pieces that never overlap, through an atomic counter.
unsafe impl Sync for Bump {}

// SAFETY: every piece is inside the room, aligned as asked, and handed out once.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let wanted = layout.size() + layout.align();
        let start = self.used.fetch_add(wanted, Ordering::Relaxed);
        if start + wanted > ROOM {
            return core::ptr::null_mut();
        }
        let aligned = (start + layout.align() - 1) & !(layout.align() - 1);
        // SAFETY: `aligned + size` is at most `start + wanted`, which is inside the room.
        unsafe { self.room.get().cast::<u8>().add(aligned) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Bump = Bump { room: UnsafeCell::new([0; ROOM]), used: AtomicUsize::new(0) };

#[link(name = "c")]
unsafe extern "C" {
    safe fn _exit(code: i32) -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    _exit(101)
}

/// The precompiled `alloc` still names these two, although nothing unwinds: panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// See [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    _exit(102)
}

/// Where the C library's start-up code goes.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    if agree().unwrap_or(false) { 0 } else { 1 }
}

/// Numbers that are not random at all: enough here, and nowhere else.
struct Counter(u64);

impl rand_core::TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Ok(self.0 ^ (self.0 >> 29))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        for octet in octets {
            *octet = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

/// Two sessions, a channel of a few lines, one message.
fn agree() -> Option<bool> {
    let ids = ["ann", "ben"].map(|name| MemberId::new(Dialect::DOCUMENT, name).ok());
    let ids: Vec<MemberId> = ids.into_iter().collect::<Option<_>>()?;
    let keys = [[1; 32], [2; 32]].map(|seed| LocalIdentity::from_seed(&seed));
    let known: BTreeMap<_, _> =
        ids.iter().cloned().zip(keys.iter().map(LocalIdentity::public_key)).collect();
    let known = Arc::new(known);
    let mut sessions: Vec<MpencSession> = Vec::new();
    for (id, key) in ids.iter().zip(keys) {
        let known = Arc::clone(&known);
        let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id.clone(), key.into_signer(), known);
        sessions.push(MpencSession::new(greeter, Config::default()));
    }
    let mut world = World { rng: Counter(1), out: Outputs::new(), packets: VecDeque::new() };
    let alone = ChannelEvent::Entered { members: ids.get(..1)? };
    world.feed(0, sessions.first_mut()?, alone);
    world.feed(1, sessions.get_mut(1)?, ChannelEvent::Entered { members: &ids });
    let entered = ChannelEvent::Changed { entered: ids.get(1..)?, left: &[] };
    world.feed(0, sessions.first_mut()?, entered);

    let include = Membership::Include(ids.get(1..)?);
    let mut cx = Ctx::new(Instant::new(Duration::ZERO), &mut world.rng);
    sessions.first_mut()?.propose(&mut cx, include, &mut world.out).ok()?;
    world.collect(0);
    world.pump(&ids, &mut sessions)?;

    let mut cx = Ctx::new(Instant::new(Duration::ZERO), &mut world.rng);
    sessions.get_mut(1)?.send(&mut cx, "no standard library", &mut world.out).ok()?;
    world.collect(1);
    world.pump(&ids, &mut sessions)?;

    let (ann, ben) = (sessions.first()?, sessions.get(1)?);
    let line = ann.messages().lines().first()?;
    Some(
        ann.members() == ben.members()
            && ann.order_head() == ben.order_head()
            && line.payload == "no standard library",
    )
}

struct World {
    rng: Counter,
    out: Outputs,
    packets: VecDeque<(usize, String)>,
}

impl World {
    fn feed(&mut self, at: usize, session: &mut MpencSession, event: ChannelEvent<'_>) {
        let mut cx = Ctx::new(Instant::new(Duration::ZERO), &mut self.rng);
        session.handle(&mut cx, Input::Channel(event), &mut self.out);
        self.collect(at);
    }

    fn collect(&mut self, from: usize) {
        while let Some(output) = self.out.pop() {
            if let Output::Channel(ChannelAction::Send { packet }) = output {
                self.packets.push_back((from, packet));
            }
        }
    }

    fn pump(&mut self, ids: &[MemberId], sessions: &mut [MpencSession]) -> Option<()> {
        while let Some((from, packet)) = self.packets.pop_front() {
            for (at, session) in sessions.iter_mut().enumerate() {
                let sender = ids.get(from)?;
                self.feed(at, session, ChannelEvent::Packet { sender, packet: &packet });
            }
        }
        Some(())
    }
}
