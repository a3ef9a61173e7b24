//! Providers that cannot authenticate, and call an address with a token of one tenant in it; and recipients of mails,
//! whose link is such a token.

use super::call::{Call, Claim, Expected};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::{Credentials, Door};

/// What a key or a header says beside the address does not count.
const KEYS: [Who; 3] = [Who::Nobody, Who::Owner, Who::OtherTenant];

pub fn calls(world: &World) -> Vec<Call> {
    let mut calls = Vec::new();
    for about in Side::ALL {
        for token_of in Side::ALL {
            let doors = world.doors(about).into_iter();
            for door in doors.filter(|door| door.credentials == Credentials::Address) {
                let door = with_token(world, door, token_of);
                for key in KEYS {
                    let call = |claim| call(world, &door, (about, token_of), (key, claim));
                    calls.extend(Claim::ALL.map(call));
                }
            }
        }
    }
    calls.extend(links(world));
    calls
}

/// The token is all of it: what it says is the tenant's that sent it.
fn links(world: &World) -> Vec<Call> {
    let mut calls = Vec::new();
    for about in Side::ALL {
        let doors = world.doors(about).into_iter();
        for door in doors.filter(|door| door.credentials == Credentials::Link) {
            for key in KEYS {
                let call = |claim| call(world, &door, (about, about), (key, claim));
                calls.extend(Claim::ALL.map(call));
            }
        }
    }
    calls
}

/// The door of one tenant with the token of another.
fn with_token(world: &World, door: Door, token_of: Side) -> Door {
    let (address, _) = door.path.rsplit_once('/').unwrap();
    let tokens = &world.objects(token_of).callback;
    let callers = ["/mgage/", "/sparkpost/", "/http-sms/"];
    let caller = callers.iter().position(|caller| address.contains(caller));
    let token = &tokens[caller.unwrap() + 1];
    let path = format!("{address}/{token}");
    Door { path, ..door }
}

fn call(
    world: &World,
    door: &Door,
    (about, token_of): (Side, Side),
    (key, claim): (Who, Claim),
) -> Call {
    let is_theirs = about == token_of && about != Side::Nobodys;
    let expected = if is_theirs {
        Expected::Done(about, vec![200])
    } else {
        Expected::Missing
    };
    Call::of(door, about)
        .with_key(world, key, "nexus:messages:send")
        .with_claim(world, claim)
        .saying((about, token_of, key, claim))
        .expecting(expected)
}
