//! Which other replicas have gone silent, judged only by what our own ticks have shown us.
//!
//! A replica is dead once its beat was seen unchanged for so long of our own monotonic time, during which our ticks
//! all succeeded and followed each other closely. So an outage of the database kills nobody, nor does a pause of our
//! own process, and no clock has to agree with another.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::lanes::model::Life;

/// What another replica's beat was, and since when we have seen it so.
#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: i64,
    since: Instant,
}

/// The watch of one replica over the others.
#[derive(Debug)]
pub struct Watch {
    silence: Duration,
    gap_max: Duration,
    others: HashMap<Life, Seen>,
    looked_at: Option<Instant>,
}

impl Watch {
    /// `silence`: after so long a replica is dead. `gap_max`: after a longer time without a tick of ours we begin anew.
    pub fn new(silence: Duration, gap_max: Duration) -> Self {
        Self {
            silence,
            gap_max,
            others: HashMap::new(),
            looked_at: None,
        }
    }

    /// A tick failed: what we have not watched without a gap, we cannot judge.
    pub fn interrupt(&mut self) {
        self.others.clear();
        self.looked_at = None;
    }

    /// Takes in what a tick of ours has shown, and tells who is dead, with the beat at which it stands still.
    pub fn look(
        &mut self,
        (sent_at, answered_at): (Instant, Instant),
        beats: impl Iterator<Item = (Life, i64)>,
    ) -> Vec<(Life, i64)> {
        if self
            .looked_at
            .is_some_and(|at| sent_at.duration_since(at) > self.gap_max)
        {
            self.others.clear();
        }
        self.looked_at = Some(answered_at);
        let mut seen = HashMap::new();
        let mut dead = Vec::new();
        for (life, beat) in beats {
            let before = self.others.get(&life).filter(|before| before.beat == beat);
            let since = before.map_or(answered_at, |before| before.since);
            // It was silent from the answer that first showed this beat to the question that was answered so again.
            if sent_at.saturating_duration_since(since) >= self.silence {
                dead.push((life, beat));
            }
            seen.insert(life, Seen { beat, since });
        }
        self.others = seen;
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const OTHER: Life = Life { number: 1, life: 7 };

    /// Looks once a second from the `from`th on, with these beats, and tells who is dead at the end.
    fn look(watch: &mut Watch, began: Instant, from: u32, beats: &[i64]) -> Vec<(Life, i64)> {
        let mut dead = Vec::new();
        for (at, beat) in (from..).zip(beats) {
            let at = began + SECOND * at;
            dead = watch.look((at, at), std::iter::once((OTHER, *beat)));
        }
        dead
    }

    fn watch() -> Watch {
        Watch::new(4 * SECOND, 2 * SECOND)
    }

    #[test]
    fn a_beat_that_stands_still_for_the_whole_time_means_death() {
        let (mut watch, began) = (watch(), Instant::now());
        assert_eq!(look(&mut watch, began, 0, &[5, 5, 5, 5]), []);
        assert_eq!(look(&mut watch, began, 4, &[5]), [(OTHER, 5)]);
    }

    #[test]
    fn a_beat_that_moves_begins_the_count_anew() {
        let (mut watch, began) = (watch(), Instant::now());
        assert_eq!(look(&mut watch, began, 0, &[5, 5, 5, 6, 6, 6, 6]), []);
        assert_eq!(look(&mut watch, began, 7, &[6]), [(OTHER, 6)]);
    }

    #[test]
    fn a_tick_of_ours_that_failed_begins_the_count_anew() {
        let (mut watch, began) = (watch(), Instant::now());
        assert_eq!(look(&mut watch, began, 0, &[5, 5, 5, 5]), []);
        watch.interrupt();
        assert_eq!(look(&mut watch, began, 4, &[5, 5, 5, 5]), []);
        assert_eq!(look(&mut watch, began, 8, &[5]), [(OTHER, 5)]);
    }

    #[test]
    fn while_we_were_frozen_we_saw_nobody_silent() {
        let (mut watch, began) = (watch(), Instant::now());
        assert_eq!(look(&mut watch, began, 0, &[5, 5]), []);
        assert_eq!(look(&mut watch, began, 60, &[5, 5, 5, 5]), []);
        assert_eq!(look(&mut watch, began, 64, &[5]), [(OTHER, 5)]);
    }

    #[test]
    fn an_answer_that_we_took_in_late_counts_from_when_it_was_asked_for() {
        let (mut watch, began) = (watch(), Instant::now());
        let late = (began + SECOND, began + 60 * SECOND);
        watch.look((began, began), std::iter::once((OTHER, 5)));
        assert_eq!(watch.look(late, std::iter::once((OTHER, 5))), []);
    }
}
