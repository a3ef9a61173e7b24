//! Handing a tenant's conversations over to agents elsewhere: what consumers say, and what becomes of what agents answer,
//! goes there in order.
//!
//! Nothing is queued for it. The feed is the queue: `follower` is the loop of a lane that reads its tenant's events on from
//! the place up to which they were taken, `errands` says which of them concern agents and what is to be called then,
//! `agents` makes the calls. Whoever types is told of in passing, by `typing`, and not again.

mod agents;
mod errands;
mod follower;
mod record;
mod round;
mod typing;

pub use agents::Agents;
pub use follower::FollowerLoop;
pub use typing::Typing;
