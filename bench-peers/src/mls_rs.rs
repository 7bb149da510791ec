//! mls-rs with its RustCrypto provider: MLS (RFC 9420), X25519, AES-128-GCM, Ed25519.

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules};
use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

use crate::mls::{Change, Mls};

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

fn client(number: usize) -> Client<impl MlsConfig> {
    let crypto = RustCryptoProvider::default();
    let suite = crypto.cipher_suite_provider(SUITE).expect("the suite");
    let (secret, public) = suite.signature_key_generate().expect("a key");
    let credential = BasicCredential::new(format!("member {number:04}").into_bytes());
    let identity = SigningIdentity::new(credential.into_credential(), public);
    let options = CommitOptions::new().with_path_required(true);
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .mls_rules(DefaultMlsRules::new().with_commit_options(options))
        .signing_identity(identity, secret, SUITE)
        .build()
}

/// mls-rs, whatever its configuration is called.
pub struct MlsRs<C>(fn(usize) -> Client<C>);

pub fn library() -> MlsRs<impl MlsConfig> {
    MlsRs(client)
}

impl<C: MlsConfig> Mls for MlsRs<C> {
    type Person = Client<C>;
    type Group = Group<C>;

    fn person(&self, number: usize) -> Client<C> {
        (self.0)(number)
    }

    fn package(&self, person: &Client<C>) -> Vec<u8> {
        let new = ExtensionList::default;
        let package = person.generate_key_package_message(new(), new(), None);
        package.and_then(|package| package.to_bytes()).expect("a package")
    }

    fn found(&self, person: &Client<C>) -> Group<C> {
        let new = ExtensionList::default;
        person.create_group(new(), new(), None).expect("a group")
    }

    fn join(&self, person: &Client<C>, welcome: &[u8]) -> Group<C> {
        let welcome = MlsMessage::from_bytes(welcome).expect("a message");
        person.join_group(None, &welcome, None).expect("a welcome").0
    }

    fn commit(
        &self,
        _person: &Client<C>,
        group: &mut Group<C>,
        change: Change<'_>,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut commit = group.commit_builder();
        match change {
            Change::Add(packages) => {
                for package in packages {
                    let package = MlsMessage::from_bytes(package).expect("a message");
                    commit = commit.add_member(package).expect("a package");
                }
            }
            Change::Remove(index) => commit = commit.remove_member(index).expect("a member"),
            Change::Update => {}
        }
        let commit = commit.build().expect("a commit");
        group.apply_pending_commit().expect("our commit");
        let welcome = commit.welcome_messages.first();
        let welcome = welcome.map(|welcome| welcome.to_bytes().expect("octets"));
        (commit.commit_message.to_bytes().expect("octets"), welcome)
    }

    fn process(&self, _person: &Client<C>, group: &mut Group<C>, commit: &[u8]) {
        let message = MlsMessage::from_bytes(commit).expect("a message");
        match group.process_incoming_message(message) {
            Ok(ReceivedMessage::Commit(_)) => {}
            other => panic!("no commit: {other:?}"),
        }
    }

    fn encrypt(&self, _person: &Client<C>, group: &mut Group<C>, text: &str) -> Vec<u8> {
        let message = group.encrypt_application_message(text.as_bytes(), Vec::new());
        message.and_then(|message| message.to_bytes()).expect("a message")
    }

    fn decrypt(&self, _person: &Client<C>, group: &mut Group<C>, packet: &[u8]) -> usize {
        let message = MlsMessage::from_bytes(packet).expect("a message");
        match group.process_incoming_message(message) {
            Ok(ReceivedMessage::ApplicationMessage(message)) => message.data().len(),
            other => panic!("no message: {other:?}"),
        }
    }
}
