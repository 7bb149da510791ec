//! A suite that can agree on nothing: its session enters, waits to be included, and gives up. That
//! is all that a driver needs to show what it does, and needs no cryptography.

use mpenc_greet::{
    Change, Checked, CheckedInitial, Completed, Greeter, Greeting, Initial, InternalError,
    OrderRefs, Progress, Proposal, ProposeError, Refused, Step,
};
use mpenc_message::{
    Draft, MessageSecurity, OpenError, Opened, RetiredSecurity, SealError, Sealed,
};
use mpenc_session::Suite;
use mpenc_wire::{AbortPacket, DataPacket, Dialect, GreetingPacket, MemberId, MessageId};
use rand_core::CryptoRng;

pub(crate) enum Solo {}

impl Suite for Solo {
    type Greeter = SoloGreeter;
    type Security = Never;

    fn secure(_: Dialect, keys: Never) -> Never {
        keys
    }
}

pub(crate) enum Never {}

pub(crate) struct SoloGreeter(Vec<MemberId>);

impl SoloGreeter {
    pub(crate) fn new(own: &str) -> Self {
        Self(vec![member(own)])
    }
}

pub(crate) fn member(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).unwrap()
}

type SoloStep = Step<Completed<Never, Never>>;

impl Greeter for SoloGreeter {
    type Keys = Never;
    type Draft = Never;
    type Proof = Never;
    type Result = Never;
    type Greeting = Never;

    fn dialect(&self) -> Dialect {
        Dialect::DOCUMENT
    }

    fn own_id(&self) -> &MemberId {
        &self.0[0]
    }

    fn members(&self) -> &[MemberId] {
        &self.0
    }

    fn knows_identity(&self, _: &MemberId) -> bool {
        false
    }

    fn check_change(&self, _: Change<'_>) -> Result<(), ProposeError> {
        Err(ProposeError::Alone)
    }

    fn propose(
        &self,
        _: &mut dyn CryptoRng,
        _: Change<'_>,
        _: OrderRefs,
    ) -> Result<Proposal<Never>, ProposeError> {
        Err(ProposeError::Alone)
    }

    fn check_initial(
        &self,
        _: &MemberId,
        _: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<Never>, Refused> {
        unreachable!("no packet of these tests decodes")
    }

    fn start(
        &self,
        _: &mut dyn CryptoRng,
        _: [u8; 32],
        checked: CheckedInitial<Never>,
        _: Option<Never>,
    ) -> Result<(Never, SoloStep), InternalError> {
        match checked.proof {}
    }

    fn adopt(&mut self, result: Never) {
        match result {}
    }

    fn reset(&mut self) {}
}

impl Greeting for Never {
    type Keys = Never;
    type Proof = Never;
    type Result = Never;

    fn initial(&self) -> &Initial {
        match *self {}
    }

    fn check(&self, _: &MemberId, _: &GreetingPacket<'_>) -> Result<Checked<Never>, Refused> {
        match *self {}
    }

    fn check_abort(&self, _: &MemberId, _: &AbortPacket<'_>) -> Result<(), Refused> {
        match *self {}
    }

    fn apply(
        &mut self,
        _: &mut dyn CryptoRng,
        _: Checked<Never>,
    ) -> Result<SoloStep, InternalError> {
        match *self {}
    }

    fn encode_abort(&self, _: &str) -> Option<String> {
        match *self {}
    }

    fn progress(&self) -> Progress {
        match *self {}
    }
}

impl RetiredSecurity for Never {
    fn verifies(&self, _: &MemberId, _: &DataPacket<'_>) -> bool {
        match *self {}
    }
}

impl MessageSecurity for Never {
    type Retired = Self;

    fn retire(self) -> Self {
        self
    }

    fn dialect(&self) -> Dialect {
        match *self {}
    }

    fn hint(&self) -> u8 {
        match *self {}
    }

    fn message_id(&self, _: &DataPacket<'_>) -> MessageId {
        match *self {}
    }

    fn seal(&mut self, _: &mut dyn CryptoRng, _: &Draft<'_>) -> Result<Sealed, SealError> {
        match *self {}
    }

    fn open(&self, _: &MemberId, _: &DataPacket<'_>) -> Result<Opened, OpenError> {
        match *self {}
    }

    fn commit(&mut self, _: &Opened) {
        match *self {}
    }

    fn refresh_due(&self) -> bool {
        match *self {}
    }
}
