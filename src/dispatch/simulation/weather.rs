//! What the way to the store does to statements: for a spell it refuses them, swallows them, or loses their answers.

use rand::RngExt;
use rand::rngs::StdRng;

/// What becomes of one statement. Times are milliseconds from when it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// When it is executed, if it ever is.
    pub(super) executes: Option<i64>,
    /// When its answer comes, if it does.
    pub(super) answers: Option<i64>,
    /// When the caller hears that the connection is lost, if it does. Otherwise he runs out of patience.
    pub(super) fails: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Refuses,
    /// Nothing comes through; what was sent may be executed when the spell is over.
    Swallows,
    LosesAnswers,
    IsSlow,
}

#[derive(Debug)]
struct Spell {
    from: i64,
    to: i64,
    kind: Kind,
    /// The only replica that it is about; `None`: all.
    replica: Option<usize>,
}

/// The spells of one run; `None`: nothing ever fails.
#[derive(Debug)]
pub(super) struct Weather(Option<Vec<Spell>>);

impl Weather {
    pub(super) fn calm() -> Self {
        Self(None)
    }

    pub(super) fn of(random: &mut StdRng, (from, to): (i64, i64), replicas: usize) -> Self {
        let spells = random.random_range(0..6);
        let kinds = [
            Kind::Refuses,
            Kind::Swallows,
            Kind::LosesAnswers,
            Kind::IsSlow,
        ];
        let spell = |_| {
            let begins = random.random_range(from..to);
            let lasts = [300, 2_000, 6_000][random.random_range(0..3)];
            Spell {
                from: begins,
                to: (begins + random.random_range(50..lasts)).min(to),
                kind: kinds[random.random_range(0..4)],
                replica: random
                    .random_bool(0.3)
                    .then(|| random.random_range(0..replicas)),
            }
        };
        Self(Some((0..spells).map(spell).collect()))
    }

    /// What becomes of a statement that a replica sends now.
    pub(super) fn course(&self, random: &mut StdRng, replica: usize, now: i64) -> Course {
        let here = |spell: &&Spell| {
            let in_time = (spell.from..spell.to).contains(&now);
            in_time && spell.replica.is_none_or(|only| only == replica)
        };
        let there = random.random_range(0..3);
        let back = there + random.random_range(0..3);
        let fine = Course {
            executes: Some(there),
            answers: Some(back),
            fails: None,
        };
        let Some(spells) = &self.0 else { return fine };
        let Some(spell) = spells.iter().find(here) else {
            let is_slow = random.random_range(0..100) == 0;
            return if is_slow { slow(random) } else { fine };
        };
        match spell.kind {
            Kind::Refuses => Course {
                executes: None,
                answers: None,
                fails: Some(back),
            },
            Kind::Swallows => {
                let is_kept = random.random_bool(0.5);
                let comes_through = spell.to - now + random.random_range(0..200);
                Course {
                    executes: is_kept.then_some(comes_through),
                    answers: None,
                    fails: None,
                }
            }
            Kind::LosesAnswers if random.random_bool(0.5) => Course {
                executes: Some(there),
                answers: None,
                fails: random.random_bool(0.7).then_some(back),
            },
            Kind::LosesAnswers => fine,
            Kind::IsSlow => slow(random),
        }
    }
}

/// It may be too late for whoever asked.
fn slow(random: &mut StdRng) -> Course {
    let executes = random.random_range(10..2_600);
    Course {
        executes: Some(executes),
        answers: Some(executes + random.random_range(0..50)),
        fails: None,
    }
}
