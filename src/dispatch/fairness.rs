//! Whose turn it is for a slot: tenants one after the other, and within a tenant its lanes one after the other. Pure.
//!
//! Every slot costs the same, whatever is sent in it, so taking turns is all that fairness needs: a tenant with a
//! thousand lanes or a million messages gets its turn as often as one with a single message. However many slots are
//! free, one tenant holds no more than its share, so that others find some at once while its endpoints hang.

use std::collections::{HashMap, VecDeque};

use crate::values::Ccid;

/// The slots, who holds how many, and who waits. `L` is a lane.
///
/// While a tenant that may hold more waits, no slot is free: whoever gives one back grants it at once, see [`Turns::grant`].
#[derive(Debug)]
pub struct Turns<L> {
    free: usize,
    per_tenant_max: usize,
    tenants: HashMap<Ccid, Tenant<L>>,
    /// Tenants with waiting lanes that may hold more, in the order of their turns.
    round: VecDeque<Ccid>,
}

#[derive(Debug)]
struct Tenant<L> {
    held: usize,
    waiting: VecDeque<L>,
    is_in_round: bool,
}

impl<L> Default for Tenant<L> {
    fn default() -> Self {
        Self {
            held: 0,
            waiting: VecDeque::new(),
            is_in_round: false,
        }
    }
}

impl<L> Turns<L> {
    /// So many slots, of which one tenant holds at most so many.
    pub fn new(slots: usize, per_tenant_max: usize) -> Self {
        Self {
            free: slots,
            per_tenant_max,
            tenants: HashMap::new(),
            round: VecDeque::new(),
        }
    }

    pub fn free(&self) -> usize {
        self.free
    }

    /// Takes a slot for a lane of the tenant, or lets it wait for its turn. A lane waits once, until its turn comes.
    pub fn take(&mut self, ccid: Ccid, lane: impl FnOnce() -> Option<L>) -> bool {
        let tenant = self.tenants.entry(ccid).or_default();
        if self.free > 0 && tenant.held < self.per_tenant_max {
            self.free -= 1;
            tenant.held += 1;
            return true;
        }
        tenant.waiting.extend(lane());
        self.enter_round(ccid);
        false
    }

    /// A slot of the tenant is free again.
    pub fn give_back(&mut self, ccid: Ccid) {
        let Some(tenant) = self.tenants.get_mut(&ccid) else {
            return;
        };
        self.free += 1;
        tenant.held -= 1;
        if tenant.held == 0 && tenant.waiting.is_empty() {
            // Tenants without attempts are forgotten, so this is as small as what is under way.
            self.tenants.remove(&ccid);
        } else {
            self.enter_round(ccid);
        }
    }

    /// Takes a slot for whoever's turn it is. `None`: no slot is free, or nobody waits who may have one.
    pub fn grant(&mut self) -> Option<(Ccid, L)> {
        if self.free == 0 {
            return None;
        }
        let ccid = self.round.pop_front()?;
        let tenant = self.tenants.get_mut(&ccid)?;
        tenant.is_in_round = false;
        let lane = tenant.waiting.pop_front()?;
        self.free -= 1;
        tenant.held += 1;
        self.enter_round(ccid);
        Some((ccid, lane))
    }

    /// Queues the tenant for its turn where it waits and may hold more.
    fn enter_round(&mut self, ccid: Ccid) {
        if let Some(tenant) = self.tenants.get_mut(&ccid)
            && !tenant.is_in_round
            && !tenant.waiting.is_empty()
            && tenant.held < self.per_tenant_max
        {
            tenant.is_in_round = true;
            self.round.push_back(ccid);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(number))
    }

    /// All slots are with a tenant that nobody else is, and these lanes wait in this order.
    fn waiting(lanes: &[(u128, u32)]) -> Turns<u32> {
        let mut turns = Turns::new(10, 10);
        for _ in 0..10 {
            assert!(turns.take(tenant(99), || None));
        }
        for (number, lane) in lanes {
            assert!(!turns.take(tenant(*number), || Some(*lane)));
        }
        turns
    }

    fn order(turns: &mut Turns<u32>, count: usize) -> Vec<u32> {
        (0..count)
            .map(|_| {
                turns.give_back(tenant(99));
                turns.grant().unwrap().1
            })
            .collect()
    }

    #[test]
    fn a_tenant_with_many_lanes_gets_as_many_turns_as_one_with_a_single_lane() {
        let mut turns = waiting(&[(1, 10), (1, 11), (1, 12), (2, 20), (3, 30)]);
        assert_eq!(order(&mut turns, 5), [10, 20, 30, 11, 12]);
    }

    #[test]
    fn a_tenant_at_its_share_lets_the_others_go_although_slots_are_free() {
        let mut turns = Turns::new(4, 2);
        assert!(turns.take(tenant(1), || None));
        assert!(turns.take(tenant(1), || None));
        assert!(!turns.take(tenant(1), || Some(1)));
        assert!(turns.grant().is_none(), "it has its share");
        assert!(turns.take(tenant(2), || None));
        turns.give_back(tenant(1));
        assert_eq!(turns.grant(), Some((tenant(1), 1)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take(u128),
        GiveBack(u128),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..5_u128).prop_map(Step::Take),
            (0..5_u128).prop_map(Step::GiveBack),
        ];
        proptest::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn no_slot_is_idle_while_somebody_may_have_it_and_nobody_waits_for_more_turns_than_there_are_tenants(
            steps in steps(), slots in 1..6_usize, share in 1..6_usize,
        ) {
            let mut turns: Turns<u32> = Turns::new(slots, share);
            let mut held = [0_usize; 5];
            let mut waits = [0_usize; 5];
            let mut passed_over = [0_usize; 5];
            for step in steps {
                match step {
                    Step::Take(who) => {
                        let index = usize::try_from(who).unwrap();
                        if turns.take(tenant(who), || Some(0)) {
                            held[index] += 1;
                        } else {
                            waits[index] += 1;
                        }
                    }
                    Step::GiveBack(who) => {
                        let index = usize::try_from(who).unwrap();
                        if held[index] > 0 {
                            held[index] -= 1;
                            turns.give_back(tenant(who));
                        }
                    }
                }
                while let Some((ccid, _)) = turns.grant() {
                    let index = usize::try_from(ccid.as_uuid().as_u128()).unwrap();
                    held[index] += 1;
                    waits[index] -= 1;
                    passed_over[index] = 0;
                    for other in (0..5).filter(|other| *other != index) {
                        if waits[other] > 0 && held[other] < share {
                            passed_over[other] += 1;
                            prop_assert!(passed_over[other] <= 5);
                        }
                    }
                }
                prop_assert_eq!(held.iter().sum::<usize>() + turns.free(), slots);
                prop_assert!(held.iter().all(|held| *held <= share));
                let could_have = |index: usize| waits[index] > 0 && held[index] < share;
                prop_assert!(turns.free() == 0 || !(0..5).any(could_have));
            }
        }
    }
}
