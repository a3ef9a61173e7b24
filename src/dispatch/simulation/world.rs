//! Everything there is in one run, and how one event follows the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU16;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::accepts::{Flush, Message};
use super::attempts::Attempt;
use super::endpoints::Endpoint;
use super::journal::Journal;
use super::replicas::Replica;
use super::statements::Call;
use super::tables::Tables;
use super::weather::Weather;
use crate::connectors::third_party::settings::{AsyncSettings, ThirdPartyChannel};
use crate::dispatch::backoff::RetrySchedule;
use crate::dispatch::breaker::BreakerSettings;
use crate::dispatch::context::DispatchSettings;
use crate::dispatch::testing::START_MS;
use crate::lanes::ids::Ids;
use crate::lanes::model::LaneId;
use crate::platform::clock::Clock;
use crate::provisioning::directory::{Channel, ConnectorSettings};
use crate::values::Ccid;

/// How long things go wrong, in milliseconds.
const TROUBLE_MS: i64 = 30_000;
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// What happens at some time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// Statements, by their number.
    Execute(usize),
    Answer(usize),
    GiveUp(usize),
    /// What goes on in a process.
    Beat(Process),
    Step(Process, usize),
    Write(Process),
    Flush(Process, usize),
    HearOfRows(Process, LaneId),
    Gate(Process, usize),
    AttemptEnds(Process, usize),
    /// What comes from outside.
    Reach(usize),
    Accept,
    Pause(LaneId),
    Resume(LaneId),
    Freeze(usize, i64),
    Kill(usize),
    Stop(usize),
    Start(usize),
    TroubleEnds,
}

/// One process of one replica; what was meant for an earlier one does not reach a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) replica: usize,
    pub(super) incarnation: u32,
}

/// A lane's settings and its endpoint.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) channel: Arc<Channel>,
    pub(super) endpoint: Endpoint,
}

pub(super) struct World {
    pub(super) random: StdRng,
    pub(super) journal: Journal,
    pub(super) now: i64,
    pub(super) trouble_until: i64,
    pub(super) monotonic: Instant,
    /// Nothing fails between the replicas and the store, and nobody compares lanes with the table: whoever has something
    /// to do is told.
    pub(super) is_calm: bool,
    /// The latest time for which a message was scheduled, Unix ms.
    pub(super) last_due: i64,
    events: BinaryHeap<Reverse<(i64, u64, Scheduled)>>,
    event_number: u64,
    pub(super) settings: Arc<DispatchSettings>,
    pub(super) ids: Ids,
    pub(super) weather: Weather,
    pub(super) tables: Tables,
    pub(super) destinations: Vec<Destination>,
    pub(super) replicas: Vec<Replica>,
    pub(super) messages: Vec<Message>,
    pub(super) calls: Vec<Call>,
    pub(super) flushes: Vec<Flush>,
    pub(super) attempts: Vec<Option<Attempt>>,
}

/// An event in the heap, whose order is that of the times and numbers before it.
#[derive(Debug)]
struct Scheduled(Event);

impl PartialEq for Scheduled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl World {
    pub(super) fn new(seed: u64, journal: Journal) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let settings = Arc::new(settings(&mut random));
        let trouble = (START_MS + 500, START_MS + TROUBLE_MS);
        let replicas = random.random_range(1..=4);
        let mut tables = Tables::default();
        let mut destinations = Vec::new();
        for number in 0..random.random_range(1..=4_i64) {
            let ccid = Ccid::from_uuid(Uuid::from_u128(random.random_range(1..=2)));
            tables.add_lane(ccid);
            destinations.push(Destination {
                channel: channel(&mut random, ccid, LaneId(number)),
                endpoint: Endpoint::of(&mut random, trouble),
            });
        }
        let is_calm = random.random_range(0..4) == 0;
        let monotonic = Instant::now();
        let mut world = Self {
            weather: if is_calm {
                Weather::calm()
            } else {
                Weather::of(&mut random, trouble, replicas)
            },
            is_calm,
            now: START_MS,
            trouble_until: trouble.1,
            monotonic,
            last_due: 0,
            events: BinaryHeap::new(),
            event_number: 0,
            ids: Ids::new(Clock::system()),
            replicas: (0..replicas).map(|_| Replica::down(&settings)).collect(),
            settings,
            tables,
            destinations,
            messages: Vec::new(),
            calls: Vec::new(),
            flushes: Vec::new(),
            attempts: Vec::new(),
            random,
            journal,
        };
        world.plan(replicas, trouble);
        world
    }

    /// What comes from outside and when.
    fn plan(&mut self, replicas: usize, (from, to): (i64, i64)) {
        for replica in 0..replicas {
            let begins = self.random.random_range(0..300);
            self.after(begins, Event::Start(replica));
        }
        for _ in 0..self.random.random_range(5..40) {
            let moment = self.random.random_range(0..TROUBLE_MS);
            self.after(moment, Event::Accept);
        }
        for _ in 0..self.random.random_range(0..5) {
            let moment = self.random.random_range(from..to) - self.now;
            let replica = self.random.random_range(0..replicas);
            let event = match self.random.random_range(0..4) {
                _ if self.is_calm => Event::Stop(replica),
                0 => Event::Kill(replica),
                1 => Event::Stop(replica),
                _ => Event::Freeze(replica, self.random.random_range(100..12_000)),
            };
            self.after(moment, event);
        }
        for _ in 0..self.random.random_range(0..3) {
            let moment = self.random.random_range(from..to) - self.now;
            let lane = self.any_lane();
            let lasts = self.random.random_range(0..10_000);
            self.after(moment, Event::Pause(lane));
            self.after(moment + lasts, Event::Resume(lane));
        }
        self.after(TROUBLE_MS, Event::TroubleEnds);
    }

    pub(super) fn any_lane(&mut self) -> LaneId {
        let lane = self.random.random_range(0..self.destinations.len());
        LaneId(i64::try_from(lane).unwrap())
    }

    pub(super) fn destination(&self, lane: LaneId) -> &Destination {
        &self.destinations[usize::try_from(lane.0).unwrap()]
    }

    pub(super) fn note(&self, entry: impl FnOnce() -> String) {
        self.journal.note(self.now - START_MS, entry);
    }

    /// Schedules an event, so many milliseconds from now.
    pub(super) fn after(&mut self, milliseconds: i64, event: Event) {
        self.event_number += 1;
        let at = self.now + milliseconds.max(0);
        let entry = (at, self.event_number, Scheduled(event));
        self.events.push(Reverse(entry));
    }

    /// Until nothing is under way any more, or far beyond the time when that should be so.
    pub(super) fn run(mut self) {
        let rest = self.rest_ms();
        let until = self.trouble_until + rest;
        while let Some(Reverse((at, _, Scheduled(event)))) = self.events.pop() {
            self.now = self.now.max(at);
            if self.now > until.max(self.last_due + rest)
                || (self.now > self.trouble_until && self.is_at_rest())
            {
                break;
            }
            self.happen(event);
        }
        self.ends_well();
    }

    /// How long the rest may take once nothing fails any more: a frozen replica thaws, is declared dead, its lanes pass on
    /// and are read; then what waits for a time has its turn.
    fn rest_ms(&self) -> i64 {
        let schedule = self.settings.schedule.sum();
        40_000 + 2 * i64::try_from(schedule.as_millis()).unwrap()
    }

    fn happen(&mut self, event: Event) {
        if let Some(process) = process_of(&event, &self.calls) {
            let replica = &self.replicas[process.replica];
            if replica.process(process.replica) != Some(process) {
                return;
            }
            let left = replica.frozen_until - self.now;
            if left > 0 {
                return self.after(left, event);
            }
        }
        match event {
            Event::Execute(call) => self.execute(call),
            Event::Answer(call) => self.answer(call),
            Event::GiveUp(call) => self.give_up(call),
            Event::Beat(process) => self.beat(process.replica),
            Event::Step(process, lane) => self.step(process.replica, lane),
            Event::Write(process) => self.write_results(process.replica),
            Event::Flush(_, flush) => self.flush(flush),
            Event::HearOfRows(process, lane) => self.hear_of_rows(process.replica, lane),
            Event::Gate(_, attempt) => self.pass_gate(attempt),
            Event::AttemptEnds(_, attempt) => self.end_attempt(attempt),
            Event::Reach(attempt) => self.reach(attempt),
            Event::Accept => self.accept(),
            Event::Pause(lane) => self.set_paused(lane, true),
            Event::Resume(lane) => self.set_paused(lane, false),
            Event::Freeze(replica, lasts) => self.freeze(replica, lasts),
            Event::Kill(replica) => self.kill(replica),
            Event::Stop(replica) => self.stop(replica),
            Event::Start(replica) => self.start(replica),
            Event::TroubleEnds => self.end_trouble(),
        }
        for replica in 0..self.replicas.len() {
            self.look_around(replica);
        }
    }

    fn end_trouble(&mut self) {
        self.note(|| "nothing fails any more".to_owned());
        for replica in 0..self.replicas.len() {
            if !self.replicas[replica].is_up() {
                self.start(replica);
            }
        }
        // A lane may still be paused by an answer that is under way, or that a frozen replica has yet to record.
        for later in [0, 13_000, 26_000] {
            for lane in 0..self.destinations.len() {
                let lane = LaneId(i64::try_from(lane).unwrap());
                self.after(later, Event::Resume(lane));
            }
        }
    }
}

/// Whose event it is, where it belongs to a process.
fn process_of(event: &Event, calls: &[Call]) -> Option<Process> {
    match event {
        Event::Answer(call) | Event::GiveUp(call) => Some(calls[*call].process),
        Event::Beat(process)
        | Event::Step(process, _)
        | Event::Write(process)
        | Event::Flush(process, _)
        | Event::HearOfRows(process, _)
        | Event::Gate(process, _)
        | Event::AttemptEnds(process, _) => Some(*process),
        Event::Execute(_)
        | Event::Reach(_)
        | Event::Accept
        | Event::Pause(_)
        | Event::Resume(_)
        | Event::Freeze(..)
        | Event::Kill(_)
        | Event::Stop(_)
        | Event::Start(_)
        | Event::TroubleEnds => None,
    }
}

fn settings(random: &mut StdRng) -> DispatchSettings {
    let first = if random.random_bool(0.1) { 200.0 } else { 1.0 };
    DispatchSettings {
        message_age_max: Duration::from_hours(72),
        lease: LEASE,
        max_in_flight: random.random_range(1..6),
        lane_max_in_flight: random.random_range(1..4),
        memory_deliveries_max: random.random_range(2..12),
        head_hold: Duration::from_secs(4),
        unknown_hold: Duration::from_secs(10),
        schedule: RetrySchedule::from_seconds(&[first, 3.0, 6.0]).unwrap(),
        breaker: BreakerSettings {
            failures: random.random_range(1..5),
            pause_first: Duration::from_millis(1_500),
            pause_max: Duration::from_secs(6),
        },
        tenant_share: [0.5, 1.0][random.random_range(0..2)],
        public_url: None,
    }
}

fn channel(random: &mut StdRng, ccid: Ccid, lane: LaneId) -> Arc<Channel> {
    static PARSED: OnceLock<ThirdPartyChannel> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let data = json!({"channels": [{"channelId": "16504661149", "webhook": {"url": "https://example.com/"}}]});
        let secret = json!({"channels": [{"channelId": "16504661149", "webhook": {"secret": "a"}, "api": {"secret": "b"}}]});
        let settings = AsyncSettings::parse(&data, &secret).unwrap();
        settings.channels.into_iter().next().unwrap()
    });
    let mut settings = parsed.clone();
    settings.webhook.in_flight_max = NonZeroU16::new(random.random_range(0..4));
    if random.random_bool(0.2) {
        settings.webhook.rate_per_second = Some(random.random_range(2.0..30.0));
    }
    Arc::new(Channel {
        ccid,
        channel_id: settings.channel_id.clone(),
        lane,
        connector: ConnectorSettings::ThirdParty(Arc::new(settings)),
        saved_at: OffsetDateTime::UNIX_EPOCH,
        callback_path: None,
        chat: None,
        campaign: None,
    })
}
