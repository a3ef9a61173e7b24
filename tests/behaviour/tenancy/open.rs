//! What anybody may read: credentials, good or bad, change nothing about it.

use super::call::{Call, Claim, Expected};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::Credentials;

pub fn calls(world: &World) -> Vec<Call> {
    let doors = world.doors(Side::Ours);
    let open = doors
        .iter()
        .filter(|door| door.credentials == Credentials::Nobody);
    open.flat_map(|door| {
        let call = |who| {
            Call::of(door, Side::Ours)
                .with_key(world, who, "nexus:messages:read")
                .with_claim(world, Claim::Of(Side::Theirs))
                .saying(who)
                .expecting(Expected::Done(Side::Nobodys, vec![200]))
        };
        Who::ALL.map(call)
    })
    .collect()
}
