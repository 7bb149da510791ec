//! OpenMLS with its RustCrypto provider, which keeps its state in memory: MLS (RFC 9420), X25519,
//! AES-128-GCM, Ed25519.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, KeyPackage, KeyPackageIn, LeafNodeIndex,
    LeafNodeParameters, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn,
    MlsMessageIn, MlsMessageOut, OpenMlsProvider, ProcessedMessageContent, ProtocolVersion,
    StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

use crate::mls::{Change, Mls};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

pub struct OpenMls;

pub struct Person {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
}

fn octets(message: &MlsMessageOut) -> Vec<u8> {
    message.to_bytes().expect("octets")
}

fn message(octets: &[u8]) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact(octets).expect("a message")
}

fn take(person: &Person, group: &mut MlsGroup, packet: &[u8]) -> ProcessedMessageContent {
    let message = message(packet).try_into_protocol_message().expect("a message of a group");
    group.process_message(&person.provider, message).expect("a good one").into_content()
}

impl Mls for OpenMls {
    type Person = Person;
    type Group = MlsGroup;

    fn person(&self, number: usize) -> Person {
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).expect("a key");
        let credential = CredentialWithKey {
            credential: BasicCredential::new(format!("member {number:04}").into_bytes()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Person { provider: OpenMlsRustCrypto::default(), signer, credential }
    }

    fn package(&self, person: &Person) -> Vec<u8> {
        let package = KeyPackage::builder();
        let credential = person.credential.clone();
        let package = package.build(SUITE, &person.provider, &person.signer, credential);
        let package = package.expect("a package").key_package().clone();
        octets(&MlsMessageOut::from(package))
    }

    fn found(&self, person: &Person) -> MlsGroup {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .use_ratchet_tree_extension(true)
            .build();
        let credential = person.credential.clone();
        MlsGroup::new(&person.provider, &person.signer, &config, credential).expect("a group")
    }

    fn join(&self, person: &Person, welcome: &[u8]) -> MlsGroup {
        let MlsMessageBodyIn::Welcome(welcome) = message(welcome).extract() else {
            panic!("a welcome");
        };
        let config = MlsGroupJoinConfig::builder().use_ratchet_tree_extension(true).build();
        let staged = StagedWelcome::new_from_welcome(&person.provider, &config, welcome, None);
        staged.expect("for us").into_group(&person.provider).expect("a group")
    }

    fn commit(
        &self,
        person: &Person,
        group: &mut MlsGroup,
        change: Change<'_>,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        let Person { provider, signer, .. } = person;
        let (commit, welcome) = match change {
            Change::Add(packages) => {
                let packages: Vec<KeyPackage> = packages
                    .iter()
                    .map(|package| {
                        let MlsMessageBodyIn::KeyPackage(package) = message(package).extract()
                        else {
                            panic!("a package");
                        };
                        let package: KeyPackageIn = package;
                        package
                            .validate(provider.crypto(), ProtocolVersion::Mls10)
                            .expect("a good package")
                    })
                    .collect();
                let (commit, welcome, _) =
                    group.add_members(provider, signer, &packages).expect("members are added");
                (commit, Some(octets(&welcome)))
            }
            Change::Remove(index) => {
                let index = LeafNodeIndex::new(index);
                let removed = group.remove_members(provider, signer, &[index]);
                (removed.expect("a member is removed").0, None)
            }
            Change::Update => {
                let parameters = LeafNodeParameters::default();
                let update = group.self_update(provider, signer, parameters);
                (update.expect("an update").into_commit(), None)
            }
        };
        group.merge_pending_commit(provider).expect("our commit");
        (octets(&commit), welcome)
    }

    fn process(&self, person: &Person, group: &mut MlsGroup, commit: &[u8]) {
        match take(person, group, commit) {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group.merge_staged_commit(&person.provider, *staged).expect("a commit");
            }
            _ => panic!("a commit"),
        }
    }

    fn encrypt(&self, person: &Person, group: &mut MlsGroup, text: &str) -> Vec<u8> {
        let message = group.create_message(&person.provider, &person.signer, text.as_bytes());
        octets(&message.expect("a message"))
    }

    fn decrypt(&self, person: &Person, group: &mut MlsGroup, packet: &[u8]) -> usize {
        match take(person, group, packet) {
            ProcessedMessageContent::ApplicationMessage(message) => message.into_bytes().len(),
            _ => panic!("a text"),
        }
    }
}
