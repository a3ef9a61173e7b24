//! The platform where agents work, which signs bodies with the secret of one tenant's service.

use super::call::{Call, Claim, Expected};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::Credentials;
use crate::input::site::signed_by_agents;

/// What a key or a header says beside the signature does not count.
const KEYS: [Who; 3] = [Who::Nobody, Who::Owner, Who::Cluster];

pub fn calls(world: &World) -> Vec<Call> {
    let mut calls = Vec::new();
    for about in Side::ALL {
        let doors = world.doors(about).into_iter();
        for door in doors.filter(|door| door.credentials == Credentials::Agents) {
            for signed_by in Side::ALL.map(Some).into_iter().chain([None]) {
                for key in KEYS {
                    for claim in Claim::ALL {
                        let is_theirs = signed_by == Some(about) && about != Side::Nobodys;
                        let expected = if is_theirs {
                            Expected::Done(about, vec![200])
                        } else {
                            Expected::Refused([401].into())
                        };
                        let mut call = Call::of(&door, about)
                            .with_key(world, key, "nexus:messages:send")
                            .with_claim(world, claim)
                            .saying((signed_by, key, claim))
                            .expecting(expected);
                        if let Some(side) = signed_by {
                            let signed = signed_by_agents(world.ccid(side), &call.body);
                            call.headers.extend(signed);
                        }
                        calls.push(call);
                    }
                }
            }
        }
    }
    calls
}
