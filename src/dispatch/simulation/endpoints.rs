//! The endpoints of the lanes: how their moods change, and what they answer in each.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::connectors::answer::classify_http;
use crate::connectors::outcome::{AttemptError, Outcome};

/// What an attempt that gets no answer takes, in milliseconds.
const TIMEOUT_MS: i64 = 10_000;

#[derive(Debug, Clone, Copy)]
enum Mood {
    Takes,
    Fails,
    Hangs,
    /// Seconds that are asked for.
    Throttles(u64),
    IsGone,
    Refuses,
    /// One of the above each time.
    Wavers,
}

/// One lane's endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Its moods with the times from which on they count, the latest first.
    moods: Vec<(i64, Mood)>,
}

/// What one request comes to.
#[derive(Debug)]
pub(super) struct Reaction {
    /// Milliseconds until the sender hears of it.
    pub(super) after: i64,
    pub(super) outcome: Outcome,
}

impl Endpoint {
    pub(super) fn of(random: &mut StdRng, (from, to): (i64, i64)) -> Self {
        let mut moods = vec![(to, Mood::Takes), (i64::MIN, Mood::Takes)];
        for _ in 0..random.random_range(0..5) {
            let moment = random.random_range(from..to);
            moods.push((moment, mood(random)));
        }
        moods.sort_by_key(|(from, _)| std::cmp::Reverse(*from));
        Self { moods }
    }

    pub(super) fn react(&self, random: &mut StdRng, now: i64) -> Reaction {
        let present = self.moods.iter().find(|(from, _)| *from <= now);
        let mut mood = present.map_or(Mood::Takes, |(_, mood)| *mood);
        if matches!(mood, Mood::Wavers) {
            mood = self::mood(random);
        }
        let soon = random.random_range(1..120);
        let (after, outcome) = match mood {
            Mood::Takes | Mood::Wavers => (soon, classify_http(200, None)),
            Mood::Fails => (soon, classify_http(503, None)),
            Mood::Refuses => (soon, classify_http(400, None)),
            Mood::IsGone => (soon, classify_http(410, None)),
            Mood::Throttles(seconds) => {
                let asked = Some(Duration::from_secs(seconds));
                (soon, classify_http(429, asked))
            }
            Mood::Hangs => {
                let timeout = Outcome::Retry {
                    reason: AttemptError::Timeout,
                    after: None,
                    endpoint_fault: true,
                };
                (TIMEOUT_MS, timeout)
            }
        };
        Reaction { after, outcome }
    }
}

fn mood(random: &mut StdRng) -> Mood {
    match random.random_range(0..12) {
        0..4 => Mood::Takes,
        4..6 => Mood::Fails,
        6 => Mood::Hangs,
        7..9 => Mood::Throttles(random.random_range(1..8)),
        9 => Mood::IsGone,
        10 => Mood::Refuses,
        _ => Mood::Wavers,
    }
}
