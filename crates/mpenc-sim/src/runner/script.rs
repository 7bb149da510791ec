//! A life as a script: written down, shortened, and led again.

use core::time::Duration;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use mpenc::Mpenc;

use super::crypto::{Crypto, Tapped};
use super::deed::{Deed, Does};
use super::life::Life;
use super::null::Null;
use super::{Cryptography, Faults, Finding, Plan, Report};

/// How many lives are led at most to shorten one.
const TRIES: usize = 3_000;

/// Everything that a life depends on: the seed of its channel and people, and what these do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    seed: u64,
    plan: Plan,
    deeds: Vec<Deed>,
}

impl Script {
    /// The life of a seed, and what it showed.
    #[must_use]
    pub fn of(seed: u64, plan: &Plan) -> (Self, Report) {
        let (report, deeds) = lead(seed, plan, None, None);
        (Self { seed, plan: *plan, deeds }, report)
    }

    /// A short life without cryptography that these octets describe: the first three its plan, the
    /// others, four each, what people do. Any octets do.
    #[must_use]
    pub fn drawn(octets: &[u8]) -> Self {
        const FAULTS: [Faults; 4] = [Faults::None, Faults::Churn, Faults::Chaos, Faults::Hostile];
        const DEEDS: usize = 60;
        let (head, rest) = octets.split_at_checked(3).unwrap_or((octets, &[]));
        let head: Vec<usize> = head.iter().map(|&octet| usize::from(octet)).collect();
        let at = |place: usize| head.get(place).copied().unwrap_or_default();
        let people = at(0) % 4 + 2;
        let faults = FAULTS.get(at(1) % FAULTS.len()).copied().unwrap_or_default();
        let plan = Plan::new(faults).with(people, people, 0).of(Cryptography::Null);
        let everybody = (0..people).map(|who| Deed { who, does: Does::Start, then: 300 });
        let does = Does::Include((1..people).collect());
        let begin =
            [Deed { who: 0, does: Does::Wait, then: 2_000 }, Deed { who: 0, does, then: 0 }];
        let drawn =
            rest.chunks_exact(4).take(DEEDS).map(|octets| Deed::drawn(octets, people, faults));
        let seed = u64::try_from(at(2)).unwrap_or_default();
        Self { seed, plan, deeds: everybody.chain(begin).chain(drawn).collect() }
    }

    /// Reads one that was written as JSON.
    ///
    /// # Errors
    /// What the reader says, or where the text is not a script.
    pub fn read(from: impl io::Read) -> Result<Self, serde_json::Error> {
        serde_json::from_reader(from)
    }

    /// Writes it as JSON, a deed a line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl io::Write) -> io::Result<()> {
        let (seed, plan) = (self.seed, serde_json::to_string(&self.plan)?);
        writeln!(to, "{{\"seed\":{seed},\"plan\":{plan},\"deeds\":[")?;
        for (at, deed) in self.deeds.iter().enumerate() {
            let comma = if at.saturating_add(1) == self.deeds.len() { "" } else { "," };
            writeln!(to, "  {}{comma}", serde_json::to_string(deed)?)?;
        }
        writeln!(to, "]}}")
    }

    /// How many things are done in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deeds.len()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deeds.is_empty()
    }

    /// Leads it.
    #[must_use]
    pub fn live(&self) -> Report {
        lead(self.seed, &self.plan, Some(&self.deeds), None).0
    }

    /// Leads it, and tells its story, line by line.
    #[must_use]
    pub fn tell(&self, listener: &mut dyn FnMut(&str)) -> Report {
        lead(self.seed, &self.plan, Some(&self.deeds), Some(listener)).0
    }

    /// The shortest script that could be made of this one in which something of the same kind still
    /// happens that should not: first deeds are left out, by halves, quarters and so on down to
    /// single ones, as long as that helps; then pauses.
    #[must_use]
    pub fn shrunk(&self) -> Self {
        let wanted = kind(&self.live());
        self.shrunk_while(|script| wanted.is_some() && kind(&script.live()) == wanted)
    }

    fn shrunk_while(&self, mut fails: impl FnMut(&Self) -> bool) -> Self {
        let mut best = self.clone();
        let mut tries = 0_usize;
        let mut still = |script: &Self| {
            tries = tries.saturating_add(1);
            tries <= TRIES && fails(script)
        };
        let mut size = best.deeds.len().div_ceil(2);
        while size > 0 {
            let before = best.deeds.len();
            let mut at = 0;
            while at < best.deeds.len() {
                let end = at.saturating_add(size).min(best.deeds.len());
                let mut shorter = best.clone();
                shorter.deeds.drain(at..end);
                if still(&shorter) { best = shorter } else { at = end }
            }
            if size == 1 && best.deeds.len() == before {
                break;
            }
            size = if size == 1 { 1 } else { size.div_ceil(2) };
        }
        for at in 0..best.deeds.len() {
            let mut hasty = best.clone();
            if let Some(deed) = hasty.deeds.get_mut(at)
                && core::mem::take(&mut deed.then) > 0
                && still(&hasty)
            {
                best = hasty;
            }
        }
        best.deeds.retain(|deed| deed.does != Does::Wait || deed.then > 0);
        best
    }
}

/// What kind of thing should not have happened, if any did: its words without names and numbers.
fn kind(report: &Report) -> Option<String> {
    let first = report.findings().into_iter().next()?;
    let (name, rest) = first.split_once(": ")?;
    let what = rest.split_once(" s: ").map_or(rest, |(_, what)| what);
    let what = what.split_once(": ").map_or(what, |(_, what)| what);
    let words: Vec<&str> = what
        .split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()))
        .take(4)
        .collect();
    Some(format!("{name} {}", words.join(" ")))
}

/// Leads a life with the cryptography that its plan names.
pub(super) fn lead(
    seed: u64,
    plan: &Plan,
    written: Option<&[Deed]>,
    listener: Option<&mut dyn FnMut(&str)>,
) -> (Report, Vec<Deed>) {
    match plan.crypto {
        Cryptography::Null => of::<Null>(seed, *plan, written, listener),
        Cryptography::Real => of::<Mpenc>(seed, *plan, written, listener),
    }
}

fn of<C: Crypto>(
    seed: u64,
    plan: Plan,
    written: Option<&[Deed]>,
    listener: Option<&mut dyn FnMut(&str)>,
) -> (Report, Vec<Deed>) {
    let mut deeds = Vec::new();
    // Of this call's lifetime, as the deeds are.
    let listener = listener.map(|listener| -> &mut dyn FnMut(&str) { listener });
    let life = || {
        if plan.faults == Faults::Hostile {
            Tapped::<C>::forget();
            Life::<Tapped<C>>::new(seed, plan, written, &mut deeds, listener).lead()
        } else {
            Life::<C>::new(seed, plan, written, &mut deeds, listener).lead()
        }
    };
    // Nothing of a life outlives it but what it has done, which is written down before it is done.
    let report = catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        let what = format!("somebody panicked: {words}");
        let finding = Finding { seed, at: Duration::ZERO, what };
        Report { runs: 1, violations: vec![finding], ..Report::default() }
    });
    (report, deeds)
}

#[cfg(test)]
mod tests {
    use mpenc::{Dialect, MemberId, Suite};

    use super::super::crypto::{Kept, Known};
    use super::super::null::{NullGreeter, NullKeys, NullSecurity};
    use super::*;

    /// Of a hundred deeds, only that two of them are there matters.
    #[test]
    fn what_does_not_matter_is_left_out() {
        let plan = Plan::new(Faults::None);
        let deeds = (0..100).map(|who| Deed { who, does: Does::Write, then: 5 }).collect();
        let script = Script { seed: 1, plan, deeds };
        let has = |script: &Script, who| script.deeds.iter().any(|deed| deed.who == who);
        let pauses = |script: &Script| script.deeds.iter().map(|deed| deed.then).sum::<u64>();
        let mut lives = 0;
        let shrunk = script.shrunk_while(|script| {
            lives += 1;
            has(script, 23) && has(script, 77) && pauses(script) >= 5
        });
        let left: Vec<_> = shrunk.deeds.iter().map(|deed| (deed.who, deed.then)).collect();
        assert_eq!(left, [(23, 0), (77, 5)]);
        assert!(lives < 200, "{lives}");
    }

    /// A suite in which something is wrong: nobody can read the others, or, if it `PANICS`, making keys
    /// for three does.
    struct Broken<const PANICS: bool>;

    impl<const PANICS: bool> Suite for Broken<PANICS> {
        type Greeter = NullGreeter;
        type Security = NullSecurity;

        fn secure(dialect: Dialect, mut keys: NullKeys) -> NullSecurity {
            assert!(!PANICS || keys.members.len() < 3, "three are a crowd");
            let own = keys.own.as_bytes().first().copied().unwrap_or_default();
            keys.secret[0] ^= own;
            NullSecurity::new(dialect, keys)
        }
    }

    impl<const PANICS: bool> Crypto for Broken<PANICS> {
        fn greeter(own: &MemberId, _: &[u8; 32], _: &Known) -> NullGreeter {
            NullGreeter::new(own.clone())
        }

        fn kept(keys: &NullKeys) -> Kept {
            Kept::Null(keys.clone())
        }
    }

    /// The life of a seed fails, is shortened to so few deeds, and fails in the same way once it was
    /// written down and read.
    fn is_shortened<C: Crypto>(least: usize, most: usize, finding: &str, deeds_left: usize) {
        let live = |script: &Script| of::<C>(script.seed, script.plan, Some(&script.deeds), None).0;
        let plan = Plan::new(Faults::None).with(least, most, 40).of(Cryptography::Null);
        let (report, deeds) = of::<C>(11, plan, None, None);
        let first = report.findings().remove(0);
        assert!(first.contains(finding), "{first}");
        let script = Script { seed: 11, plan, deeds };
        assert_eq!(live(&script), report, "what was done is written down, to the end");
        let wanted = kind(&report);
        let shrunk = script.shrunk_while(|script| kind(&live(script)) == wanted);
        assert!(shrunk.len() <= deeds_left, "{shrunk:?}");
        let mut written = Vec::new();
        shrunk.write(&mut written).expect("writing to memory");
        let read = Script::read(&written[..]).expect("a script");
        assert_eq!(kind(&live(&read)), wanted);
    }

    #[test]
    fn a_life_that_fails_is_shortened_and_fails_again() {
        is_shortened::<Broken<false>>(2, 2, "HistoryDiffers", 8);
    }

    #[test]
    fn a_life_in_which_somebody_panics_is_shortened_and_they_panic_again() {
        is_shortened::<Broken<true>>(3, 3, "somebody panicked: three are a crowd", 5);
    }

    #[test]
    fn findings_are_of_the_same_kind_whatever_their_names_and_numbers() {
        let finding = |what: &str| Report {
            violations: vec![super::super::Finding {
                seed: 7,
                at: core::time::Duration::ZERO,
                what: what.to_owned(),
            }],
            ..Report::default()
        };
        let one = kind(&finding("ann: no outcome of #267"));
        assert_eq!(one, kind(&finding("ben: no outcome of #3")));
        assert_ne!(one, kind(&finding("ann: the members are not those announced: ann")));
        assert_eq!(kind(&Report::default()), None);
        // Events are of different kinds.
        let differs = kind(&finding("ann: HistoryDiffers { operation: PacketId(0b2a1f62…) }"));
        assert_eq!(differs, kind(&finding("ben: HistoryDiffers { operation: PacketId(17) }")));
        assert_ne!(differs, kind(&finding("ann: OrderMismatch { member: MemberId(ben) }")));
    }
}
