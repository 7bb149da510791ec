//! A bot that repeats what it hears. Its account and room are arguments, its password is in
//! `MPENC_PASSWORD`:
//!
//! ```text
//! cargo run --example echo -- bot@example.org friends@conference.example.org alice=HEX bob=HEX …
//! ```
//!
//! It prints its public key for the others to know, and joins them when they include it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use mpenc::{
    CliquesGreeter, Config as Timing, Dialect, Event, JoinPatience, LocalIdentity, MemberId,
    MpencSession,
};
use mpenc_tokio::{Driver, Options};
use mpenc_xmpp::{Config, XmppChannel};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(account), Some(room)) = (args.next(), args.next()) else {
        return Err("the arguments are an account, a room, and others' names and keys".into());
    };
    let config = Config::new(&account, &std::env::var("MPENC_PASSWORD")?, &room, "echo")?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let identity = LocalIdentity::from_seed(&seed);
    println!("echo {}", hex::encode(identity.public_key()));
    let mut known = BTreeMap::from([(config.own_id()?, identity.public_key())]);
    for arg in args {
        let (name, key) = arg.split_once('=').ok_or("others are given as NAME=KEY")?;
        let key = hex::decode(key).ok().and_then(|key| key.try_into().ok());
        known.insert(MemberId::new(Dialect::DOCUMENT, name)?, key.ok_or("a key is 64 digits")?);
    }
    let (own, signer) = (config.own_id()?, identity.into_signer());
    let greeter = CliquesGreeter::new(Dialect::DOCUMENT, own.clone(), signer, Arc::new(known));
    let mut timing = Timing::default();
    timing.join_patience = JoinPatience::Forever;
    let session = MpencSession::new(greeter, timing);
    let channel = XmppChannel::new(config);
    let (driver, handle, mut events) = Driver::new(session, channel, Options::default());
    let driver = tokio::spawn(driver.run());
    handle.join().await?;
    while let Some(event) = events.next().await {
        match event {
            Event::Message(message) if message.author != own => {
                handle.send(message.text).await?;
            }
            Event::LeftChannel => break,
            _ => {}
        }
    }
    drop(handle);
    Ok(driver.await??)
}
