//! Makes the calls and holds the answers to what is expected.

use std::collections::{BTreeMap, HashMap};

use super::call::{Call, Expected};
use super::state::digests;
use super::who::Side;
use super::world::World;
use crate::input::caller::Caller;
use crate::input::law::Answer;

/// Most breaches that one failure tells of.
const TOLD: usize = 40;

/// What has come of a walk.
#[derive(Debug)]
pub struct Walk<'a> {
    world: &'a World,
    caller: Caller,
    breaches: Vec<String>,
    /// What those were told who do not get to know whether there is such a thing, by all that they said.
    missing: HashMap<String, BTreeMap<Side, String>>,
    /// What those were told who are nobody, by operation.
    strangers: HashMap<String, BTreeMap<String, String>>,
}

impl<'a> Walk<'a> {
    pub fn new(world: &'a World) -> Self {
        Self {
            caller: Caller::new(&world.gateway.url()),
            world,
            breaches: Vec::new(),
            missing: HashMap::new(),
            strangers: HashMap::new(),
        }
    }

    pub async fn through(mut self, calls: Vec<Call>) {
        let count = calls.len();
        let (refused, allowed): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .partition(|call| matches!(call.expected, Expected::Refused(_) | Expected::Missing));
        let everybody = [
            Some(Side::Ours),
            Some(Side::Theirs),
            Some(Side::Nobodys),
            None,
        ];
        self.unchanged("what was refused", &everybody, refused)
            .await;
        for side in Side::ALL {
            let others = everybody.into_iter().filter(|other| *other != Some(side));
            let others: Vec<_> = others.collect();
            let of_side =
                |call: &&Call| matches!(&call.expected, Expected::Done(own, _) if *own == side);
            let calls = allowed.iter().filter(of_side).cloned().collect();
            self.unchanged("what was done for another", &others, calls)
                .await;
        }
        for call in allowed
            .iter()
            .filter(|call| call.expected == Expected::LetIn)
        {
            self.make(call).await;
        }
        self.same_for_all();
        let found = self.breaches.len();
        let told: Vec<String> = self.breaches.into_iter().take(TOLD).collect();
        assert!(
            told.is_empty(),
            "{found} breaches in {count} calls:\n{}",
            told.join("\n")
        );
    }

    /// Makes calls that must change nothing of these.
    async fn unchanged(&mut self, by: &str, whose: &[Option<Side>], calls: Vec<Call>) {
        let mut before = Vec::new();
        for side in whose {
            before.push(digests(self.world, *side).await);
        }
        for call in &calls {
            self.make(call).await;
        }
        for (side, before) in whose.iter().zip(before) {
            let after = digests(self.world, *side).await;
            for (table, _) in before.iter().filter(|(table, was)| after[*table] != **was) {
                self.breaches
                    .push(format!("{by} changed {table} of {side:?}"));
            }
        }
    }

    async fn make(&mut self, call: &Call) {
        let request = (call.method.clone(), call.target.as_str());
        let asked = self
            .caller
            .call(request, call.headers.clone(), call.body.clone());
        match asked.await {
            Ok(answer) => self.judge(call, &answer),
            Err(fault) => self.breach(call, &fault),
        }
    }

    fn judge(&mut self, call: &Call, answer: &Answer) {
        if let Some(fault) = answer.fault() {
            self.breach(call, &fault);
        }
        let status = answer.status;
        let is_right = match &call.expected {
            Expected::Refused(statuses) => statuses.contains(&status),
            Expected::Missing => status == 404,
            Expected::Done(_, statuses) => statuses.contains(&status),
            Expected::LetIn => !matches!(status, 401 | 403),
        };
        if !is_right {
            let said: String = String::from_utf8_lossy(&answer.body)
                .chars()
                .take(200)
                .collect();
            self.breach(call, &format!("{status}, not {:?}: {said}", call.expected));
        }
        match &call.expected {
            Expected::Missing => {
                let said = format!("{} {}", call.operation, call.said);
                let shown = self.shown(call, answer);
                self.missing
                    .entry(said)
                    .or_default()
                    .insert(call.about, shown);
            }
            Expected::Refused(statuses) if statuses.contains(&401) => {
                let shown = self.shown(call, answer);
                let strangers = self.strangers.entry(call.operation.clone()).or_default();
                strangers.entry(shown).or_insert_with(|| call.name());
            }
            Expected::Done(side, _) => self.tells_of_nobody_else(call, *side, answer),
            Expected::Refused(_) | Expected::LetIn => {}
        }
    }

    /// All of an answer but its time, its name and what the call named.
    fn shown(&self, call: &Call, answer: &Answer) -> String {
        let mut headers: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| {
                !matches!(name.as_str(), "date" | "x-request-id" | "content-length")
            })
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        let mut body = String::from_utf8_lossy(&answer.body).into_owned();
        for mark in self.world.marks(call.about) {
            body = body.replace(&mark, "<named>");
        }
        for word in self.world.words(call.about) {
            body = body.replace(word, "<named>");
        }
        format!("{} {} {body}", answer.status, headers.join(", "))
    }

    fn tells_of_nobody_else(&mut self, call: &Call, side: Side, answer: &Answer) {
        let body = String::from_utf8_lossy(&answer.body);
        let asked = format!("{} {}", call.target, String::from_utf8_lossy(&call.body));
        for other in Side::ALL.into_iter().filter(|other| *other != side) {
            for mark in self.world.marks(other) {
                if body.contains(&mark) && !asked.contains(&mark) {
                    self.breach(
                        call,
                        &format!("tells {side:?} of {mark}, which is {other:?}"),
                    );
                }
            }
        }
    }

    /// Whoever asks for another's things, and whoever is nobody, learns nothing from the difference.
    fn same_for_all(&mut self) {
        for (said, answers) in &self.missing {
            let mut different = answers.values().collect::<Vec<_>>();
            different.dedup();
            if different.len() > 1 {
                self.breaches.push(format!(
                    "{said}: answers differ by whose it is: {answers:#?}"
                ));
            }
        }
        for (operation, answers) in &self.strangers {
            if answers.len() > 1 {
                self.breaches.push(format!(
                    "{operation}: strangers are told apart: {answers:#?}"
                ));
            }
        }
    }

    fn breach(&mut self, call: &Call, breach: &str) {
        self.breaches.push(format!("{}: {breach}", call.name()));
    }
}
