//! Membership operations of MLS, whichever library does them. Each commit brings a new path, so
//! that it renews what its author contributes, as each of our operations does.

use crate::effort::Effort;
use crate::timing::timed_cpu;

/// A library of MLS. All that travels is octets.
pub trait Mls {
    /// What one person keeps outside of groups.
    type Person;
    /// One member's view of a group.
    type Group;

    fn person(&self, number: usize) -> Self::Person;
    fn package(&self, person: &Self::Person) -> Vec<u8>;
    fn found(&self, person: &Self::Person) -> Self::Group;
    fn join(&self, person: &Self::Person, welcome: &[u8]) -> Self::Group;
    /// Commits, and puts the commit into force for its author. Gives it, and the welcome.
    fn commit(
        &self,
        person: &Self::Person,
        group: &mut Self::Group,
        change: Change<'_>,
    ) -> (Vec<u8>, Option<Vec<u8>>);
    /// Takes another's commit, and puts it into force.
    fn process(&self, person: &Self::Person, group: &mut Self::Group, commit: &[u8]);
    fn encrypt(&self, person: &Self::Person, group: &mut Self::Group, text: &str) -> Vec<u8>;
    /// Gives the text's length.
    fn decrypt(&self, person: &Self::Person, group: &mut Self::Group, packet: &[u8]) -> usize;
}

/// What a commit does.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    Add(&'a [Vec<u8>]),
    Remove(u32),
    Update,
}

/// A group.
pub struct Members<L: Mls> {
    pub library: L,
    pub people: Vec<L::Person>,
    pub groups: Vec<L::Group>,
}

impl<L: Mls> Members<L> {
    /// A group that member 0 makes with one commit. Key packages are made by then: they count for
    /// the sum, and as octets.
    pub fn new(library: L, members: usize) -> (Self, Effort, usize) {
        let people: Vec<_> = (0..members).map(|number| library.person(number)).collect();
        let (mut early, mut found, mut join) = (Vec::new(), Vec::new(), Vec::new());
        let others = people[1..].iter();
        let packages: Vec<_> =
            others.map(|person| timed_cpu(&mut early, || library.package(person))).collect();
        let (first, (commit, welcome)) = timed_cpu(&mut found, || {
            let mut group = library.found(&people[0]);
            let made = library.commit(&people[0], &mut group, Change::Add(&packages));
            (group, made)
        });
        let welcome = welcome.expect("others were added");
        let mut groups = vec![first];
        for person in &people[1..] {
            groups.push(timed_cpu(&mut join, || library.join(person, &welcome)));
        }
        let octets = packages.iter().map(Vec::len).sum::<usize>() + commit.len() + welcome.len();
        let effort = Effort::of_commit(found[0], &join, &early);
        (Self { library, people, groups }, effort, octets)
    }

    /// The same after each second member has committed: then no node of the tree is blank. In the
    /// tree of a founder all are, and each commit has a ciphertext for every member.
    pub fn settled(library: L, members: usize) -> Self {
        let mut group = Self::new(library, members).0;
        for author in (1..members).step_by(2) {
            let (_, commit, _) = group.commit(author, Change::Update);
            group.follow(author, &commit);
        }
        group
    }

    /// All but the author take a commit; gives what that took each.
    fn follow(&mut self, author: usize, commit: &[u8]) -> Vec<f64> {
        let mut samples = Vec::new();
        for (at, (person, group)) in self.people.iter().zip(&mut self.groups).enumerate() {
            if at != author {
                timed_cpu(&mut samples, || self.library.process(person, group, commit));
            }
        }
        samples
    }

    /// A member commits. Gives what that took, and what came out of it.
    fn commit(&mut self, author: usize, change: Change<'_>) -> (f64, Vec<u8>, Option<Vec<u8>>) {
        let mut samples = Vec::new();
        let (person, group) = (&self.people[author], &mut self.groups[author]);
        let (commit, welcome) =
            timed_cpu(&mut samples, || self.library.commit(person, group, change));
        (samples[0], commit, welcome)
    }

    /// One joins, is removed again, and member 0 updates.
    pub fn round(&mut self, octets: &mut [usize; 3]) -> [Effort; 3] {
        let newcomer = self.library.person(self.groups.len());
        let mut early = Vec::new();
        let package = timed_cpu(&mut early, || self.library.package(&newcomer));
        let (took, commit, welcome) = self.commit(0, Change::Add(core::slice::from_ref(&package)));
        let welcome = welcome.expect("one was added");
        let mut join = Vec::new();
        timed_cpu(&mut join, || self.library.join(&newcomer, &welcome));
        octets[0] = package.len() + commit.len() + welcome.len();
        let mut include = Effort::of_commit(took, &self.follow(0, &commit), &early);
        include.joins(join[0]);

        let index = u32::try_from(self.groups.len()).expect("few members");
        let (took, commit, _) = self.commit(0, Change::Remove(index));
        octets[1] = commit.len();
        let exclude = Effort::of_commit(took, &self.follow(0, &commit), &[]);

        let (took, commit, _) = self.commit(0, Change::Update);
        octets[2] = commit.len();
        [include, exclude, Effort::of_commit(took, &self.follow(0, &commit), &[])]
    }
}

impl<L: Mls> crate::contestant::Contestant for Members<L> {
    type Packet = Vec<u8>;

    fn send(&mut self, text: &str) -> Vec<u8> {
        self.library.encrypt(&self.people[0], &mut self.groups[0], text)
    }

    fn deliver(&mut self, _packet: &Vec<u8>) {}

    fn write(&mut self, author: usize, text: &str) -> Vec<u8> {
        self.library.encrypt(&self.people[author], &mut self.groups[author], text)
    }

    fn receive(&mut self, _author: usize, packet: &Vec<u8>) -> usize {
        self.library.decrypt(&self.people[0], &mut self.groups[0], packet)
    }

    fn octets(packet: &Vec<u8>) -> usize {
        packet.len()
    }
}
