//! The hold after a restore, as this replica's ticks show it.

use tracing::{info, warn};

use super::context::DispatchContext;
use crate::lanes::ownership::LaneSignal;
use crate::lanes::store::HoldPhase;
use crate::platform::telemetry::metric;

/// Does what a tick shows of the hold. True: it came upon lanes of ours, which have read what is being marked behind
/// their backs.
pub fn follow(context: &DispatchContext, hold: Option<HoldPhase>) -> bool {
    let ownership = &context.ownership;
    let before = ownership.set_hold(hold);
    metrics::gauge!(metric::RESTORE_HOLD).set(f64::from(u8::from(hold.is_some())));
    match (before, hold) {
        (None, Some(_)) => {
            warn!("Everything is held since a restore until `nexus-gateway restore release`");
            ownership.count() > 0
        }
        (Some(_), None) => {
            info!("The hold after the restore is released; everything is sent again");
            for lane in ownership.lanes() {
                ownership.signal(lane, LaneSignal::LookForRows);
            }
            false
        }
        (None, None) | (Some(_), Some(_)) => false,
    }
}
