//! What an attempt that has ended comes to.

use tracing::debug;

use super::LaneCore;
use crate::connectors::outcome::NotStarted;
use crate::dispatch::attempt::Report;
use crate::dispatch::judgement::{self, Judge, Judged};
use crate::dispatch::queue::{Wait, keeps_in_memory};
use crate::dispatch::results::ResultRow;
use crate::lanes::model::Arrival;

impl LaneCore {
    /// Turns an attempt's report into what is to be recorded, if anything, and lets the recipient's next delivery go.
    /// The lane is told when it is recorded.
    pub fn settle(
        &mut self,
        judge: &Judge<'_>,
        mut arrival: Arrival,
        report: &Report,
    ) -> Option<Box<ResultRow>> {
        let now_ms = judge.now_ms;
        if let Some(allowance) = report.allowance {
            self.brakes.allow(allowance, now_ms);
        }
        let row = match judgement::judge(judge, &arrival, report, &mut self.brakes.breaker) {
            Judged::NotStarted(why) => {
                self.put_off(arrival, why, now_ms);
                return None;
            }
            Judged::Ended(row) => {
                if row.endpoint.as_ref().is_some_and(|endpoint| endpoint.pause) {
                    self.brakes.pause();
                }
                self.queue.finished(&arrival);
                row
            }
            Judged::Waits(row, wait) => {
                arrival.delivery.attempt += 1;
                self.wait(arrival, wait, now_ms);
                row
            }
            Judged::PutBack(row) => {
                arrival.checked_at = None;
                self.queue.put_back(arrival);
                row
            }
            Judged::Held(row, until) => {
                arrival.delivery.attempt += 1;
                arrival.delivery.announced_at = Some(now_ms.min(until - 1));
                let wait = Wait {
                    due_at: until,
                    holds_until: None,
                };
                self.wait(arrival, wait, now_ms);
                row
            }
        };
        self.unrecorded += 1;
        Some(row)
    }

    /// Puts a delivery by, in memory or in the table, whose attempt has ended.
    fn wait(&mut self, mut arrival: Arrival, wait: Wait, now_ms: i64) {
        arrival.delivery.holds_until = wait.holds_until;
        arrival.delivery.due_at = Some(wait.due_at);
        arrival.checked_at = None;
        if keeps_in_memory(&arrival.delivery, now_ms) {
            self.queue.wait(arrival, wait, now_ms);
        } else {
            self.put_by.insert(arrival.delivery.place, wait.due_at);
            self.queue.wait_in_table(&arrival, wait, now_ms);
        }
    }

    /// The gate kept the attempt from beginning: nothing is charged, and it begins anew when what kept it has passed.
    fn put_off(&mut self, mut arrival: Arrival, why: NotStarted, now_ms: i64) {
        debug!(message.id = %arrival.delivery.place.id, "An attempt did not begin: {}", why.class());
        arrival.checked_at = None;
        self.queue.put_back(arrival);
        if !matches!(why, NotStarted::LaneClosed) {
            self.brakes.set_back(now_ms);
        }
    }
}
