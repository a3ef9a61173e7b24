//! What one lane holds in memory, and what of it may be sent next. Pure: no time but what it is given, no I/O.
//!
//! Within one recipient and priority class messages go out one after the other. A head that waits for a retry holds
//! its successors until its hold ends, then they pass it. What is not due yet, and what waits without holding, holds
//! nobody. Interactive goes before normal before bulk, but a lower class gets its turn after a run of higher ones.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::known::{Known, Origin};
use crate::lanes::model::{Arrival, Delivery, Place};
use crate::values::{Address, Priority};

/// How many of a class go out before the next lower one gets a turn, if it has something.
const RUN_BEFORE_LOWER: u32 = 8;
const CLASSES: usize = 3;
/// Retries due within this time wait in memory, later ones in the table.
const MEMORY_HORIZON_MS: i64 = 120_000;

/// One recipient of one priority class.
type RecipientKey = (u64, Priority);

#[derive(Debug, Default)]
struct Recipient {
    /// The delivery that is ready or in flight; nobody else's turn until it is finished.
    busy: Option<Place>,
    /// The head that waits for its retry, and until when (Unix ms) it holds the others.
    held: Option<(Place, i64)>,
    successors: VecDeque<Arrival>,
}

impl Recipient {
    /// Whether a delivery that has come may go at once: nobody is under way or holds it, and it overtakes nobody.
    fn lets_go(&self, place: Place, is_retry: bool) -> bool {
        let held_by_other = self.held.is_some_and(|(holder, _)| holder != place);
        self.busy.is_none() && !held_by_other && (is_retry || self.successors.is_empty())
    }

    /// Lets a delivery wait for its turn. Retries go first, in the order of their places.
    fn line_up(&mut self, arrival: Arrival) {
        let place = arrival.delivery.place;
        let goes_before =
            |other: &&Arrival| other.delivery.attempt > 0 && other.delivery.place < place;
        let position = if arrival.delivery.attempt > 0 {
            self.successors.iter().take_while(goes_before).count()
        } else {
            self.successors.len()
        };
        self.successors.insert(position, arrival);
    }
}

#[derive(Debug)]
enum Timer {
    Due(Box<Arrival>),
    HoldEnds(RecipientKey),
}

/// Where a delivery goes whose attempt has ended and that is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub due_at: i64,
    pub holds_until: Option<i64>,
}

/// A lane's deliveries in memory.
#[derive(Debug)]
pub struct LaneQueue {
    ordered: bool,
    recipients: HashMap<RecipientKey, Recipient>,
    /// By class, the most urgent first.
    ready: [VecDeque<Arrival>; CLASSES],
    /// How many of each class have gone since a lower one had its turn.
    runs: [u32; CLASSES],
    timers: BTreeMap<(i64, u64), Timer>,
    timer_number: u64,
    known: Known,
}

impl LaneQueue {
    /// `ordered`: whether deliveries to one recipient wait for each other.
    pub fn new(ordered: bool) -> Self {
        Self {
            ordered,
            recipients: HashMap::new(),
            ready: Default::default(),
            runs: [0; CLASSES],
            timers: BTreeMap::new(),
            timer_number: 0,
            known: Known::default(),
        }
    }

    /// Everything that is here or in flight, or whose result is not durable yet.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a delivery is among those that [`LaneQueue::len`] counts.
    pub fn knows(&self, place: Place) -> bool {
        self.known.holds(place)
    }

    /// Whether deliveries to one recipient wait for each other, from now on.
    pub fn set_ordered(&mut self, ordered: bool) {
        self.ordered = ordered;
    }

    /// Whether something could be sent now if there were room.
    pub fn has_ready(&self) -> bool {
        self.ready.iter().any(|ready| !ready.is_empty())
    }

    /// Takes a delivery in, at its place after everything of its recipient that is here. One that is known is left out.
    pub fn push(&mut self, arrival: Arrival, origin: Origin, now_ms: i64) {
        if !self.known.take_in(arrival.delivery.place, origin) {
            return;
        }
        match arrival.delivery.due_at {
            Some(due_at) if due_at > now_ms => {
                self.hold_successors(&arrival, arrival.delivery.holds_until, now_ms);
                self.set_timer(due_at, Timer::Due(Box::new(arrival)));
            }
            Some(_) | None => self.queue(arrival),
        }
    }

    /// The next delivery to send. It stays its recipient's only one until `finished` or `wait`.
    pub fn pop(&mut self) -> Option<Arrival> {
        let mut chosen = self.class_with_work(0)?;
        // A class that has had its run lets the next lower one go once, which begins the run anew.
        while let Some(lower) = self.class_with_work(chosen + 1) {
            self.runs[chosen] += 1;
            if self.runs[chosen] <= RUN_BEFORE_LOWER {
                break;
            }
            self.runs[chosen] = 0;
            chosen = lower;
        }
        self.ready[chosen].pop_front()
    }

    fn class_with_work(&self, from: usize) -> Option<usize> {
        (from..CLASSES).find(|class| !self.ready[*class].is_empty())
    }

    /// Puts back what was popped and not tried.
    pub fn put_back(&mut self, arrival: Arrival) {
        self.ready[class(&arrival)].push_front(arrival);
    }

    /// A delivery has come to its end; it stays known until its result is durable.
    pub fn finished(&mut self, arrival: &Arrival) {
        self.stop_being_busy(arrival);
        self.stop_holding(arrival);
        self.next_of(key(arrival));
    }

    /// A delivery is tried again later.
    pub fn wait(&mut self, mut arrival: Arrival, wait: Wait, now_ms: i64) {
        self.stop_being_busy(&arrival);
        self.hold_successors(&arrival, wait.holds_until, now_ms);
        let key = key(&arrival);
        arrival.delivery.due_at = Some(wait.due_at);
        self.set_timer(wait.due_at, Timer::Due(Box::new(arrival)));
        self.next_of(key);
    }

    /// A delivery is tried again so much later that it waits in the table. It holds its successors all the same, and it
    /// stays known until the table says so.
    pub fn wait_in_table(&mut self, arrival: &Arrival, wait: Wait, now_ms: i64) {
        self.stop_being_busy(arrival);
        self.hold_successors(arrival, wait.holds_until, now_ms);
        self.next_of(key(arrival));
    }

    /// A delivery that waits holds its successors until then, or no longer if that has passed.
    pub fn hold_successors(&mut self, arrival: &Arrival, holds_until: Option<i64>, now_ms: i64) {
        if let Some(until) = holds_until.filter(|until| self.ordered && *until > now_ms) {
            let key = key(arrival);
            self.recipients.entry(key).or_default().held = Some((arrival.delivery.place, until));
            self.set_timer(until, Timer::HoldEnds(key));
        } else {
            self.stop_holding(arrival);
        }
    }

    /// These deliveries are through: what is stored about them is durable, or they are somebody else's now.
    pub fn forget(&mut self, places: &[Place], now_ms: i64) {
        self.known.forget(places, now_ms);
    }

    /// When the next timer goes off, Unix ms.
    pub fn next_timer(&self) -> Option<i64> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// Lets go what has fallen due.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some(entry) = self
            .timers
            .first_entry()
            .filter(|entry| entry.key().0 <= now_ms)
        {
            match entry.remove() {
                Timer::Due(arrival) => self.queue(*arrival),
                Timer::HoldEnds(key) => {
                    if let Some(recipient) = self.recipients.get_mut(&key)
                        && recipient.held.is_some_and(|(_, until)| until <= now_ms)
                    {
                        recipient.held = None;
                    }
                    self.next_of(key);
                }
            }
        }
    }

    /// Makes a delivery ready, or lets it wait for its turn. A retry that has fallen due goes before its successors,
    /// though not before one that is under way.
    fn queue(&mut self, arrival: Arrival) {
        if self.ordered {
            let is_retry = arrival.delivery.attempt > 0;
            let place = arrival.delivery.place;
            let recipient = self.recipients.entry(key(&arrival)).or_default();
            if !recipient.lets_go(place, is_retry) {
                return recipient.line_up(arrival);
            }
            recipient.busy = Some(place);
        }
        self.ready[class(&arrival)].push_back(arrival);
    }

    fn stop_being_busy(&mut self, arrival: &Arrival) {
        if let Some(recipient) = self.recipients.get_mut(&key(arrival))
            && recipient.busy == Some(arrival.delivery.place)
        {
            recipient.busy = None;
        }
    }

    fn stop_holding(&mut self, arrival: &Arrival) {
        if let Some(recipient) = self.recipients.get_mut(&key(arrival))
            && recipient
                .held
                .is_some_and(|(holder, _)| holder == arrival.delivery.place)
        {
            recipient.held = None;
        }
    }

    /// Makes the recipient's next delivery ready, if nothing keeps it back.
    fn next_of(&mut self, key: RecipientKey) {
        let Some(recipient) = self.recipients.get_mut(&key) else {
            return;
        };
        if recipient.busy.is_some() || recipient.held.is_some() {
            return;
        }
        if let Some(next) = recipient.successors.pop_front() {
            recipient.busy = Some(next.delivery.place);
            self.ready[class(&next)].push_back(next);
        } else {
            self.recipients.remove(&key);
        }
    }

    fn set_timer(&mut self, at: i64, timer: Timer) {
        self.timer_number += 1;
        self.timers.insert((at, self.timer_number), timer);
    }
}

/// Whether a delivery that waits for a time does so in memory.
pub fn keeps_in_memory(delivery: &Delivery, now_ms: i64) -> bool {
    delivery
        .due_at
        .is_none_or(|due_at| due_at - now_ms <= MEMORY_HORIZON_MS)
}

/// Whether a delivery waits for a time rather than for its turn.
pub fn is_deferred(delivery: &Delivery, now_ms: i64) -> bool {
    delivery.due_at.is_some_and(|due_at| due_at > now_ms)
}

fn class(arrival: &Arrival) -> usize {
    match arrival.delivery.priority {
        Priority::Interactive => 0,
        Priority::Normal => 1,
        Priority::Bulk => 2,
    }
}

fn key(arrival: &Arrival) -> RecipientKey {
    (hash(&arrival.message.to.address), arrival.delivery.priority)
}

/// Two recipients with the same hash would wait for each other, which costs time and breaks nothing.
fn hash(address: &Address) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
