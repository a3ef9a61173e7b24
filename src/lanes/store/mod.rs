//! All SQL over replicas, lives, lanes and deliveries, but for the three shared statements that also write what
//! others own. It finds and changes rows; what they mean for whom is decided by its callers.

mod cancellations;
mod deliveries;
mod erasure;
mod hold;
mod lanes;
mod owner;
mod replicas;
mod tasks;

pub use cancellations::{
    CANCELLATIONS_CHANNEL, Cancellation, ask_to_cancel, take_wishes, wished_cancellations,
    withdraw_wish,
};
pub use deliveries::{
    DeliveryKeys, Waiting, announce, backlog, enqueue, next_due, read_due, read_forward,
    read_holding,
};
pub use erasure::{drop_deliveries, waiting_among};
pub use hold::{
    HoldAsked, HoldPhase, MarkedBatch, Released, ask_for_hold, is_held, mark_some, release_hold,
};
pub use lanes::{
    Endpoint, LaneRow, LaneTarget, RowBrakes, Stoppages, brakes, claim_lanes, endpoints,
    ensure_lane, lanes_of_life, lanes_of_tenants, lanes_to_look_at, lanes_with_work, notify,
    release_lanes, set_paused, stoppages,
};
pub use owner::{RowChange, change_row, stands};
pub use replicas::{
    Registration, Report, Tick, bury, end_life, forget_ended_lives, register, standing_lives, tick,
};
pub use tasks::hold_task;
