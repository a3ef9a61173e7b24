//! The aggregation service, which names its tenant as the user of HTTP Basic.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::call::{Call, Claim, Expected, refused};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::{Credentials, Door};

const USERS: [Claim; 4] = [
    Claim::Of(Side::Ours),
    Claim::Of(Side::Theirs),
    Claim::Of(Side::Nobodys),
    Claim::Malformed,
];

pub fn calls(world: &World) -> Vec<Call> {
    let doors = world.doors(Side::Ours);
    let basic = doors
        .iter()
        .filter(|door| door.credentials == Credentials::Basic);
    let mut calls = Vec::new();
    for door in basic {
        for who in Who::ALL {
            for user in USERS {
                calls.extend(Claim::ALL.map(|header| call(world, door, (who, user, header))));
            }
        }
    }
    calls
}

fn call(world: &World, door: &Door, (who, user, header): (Who, Claim, Claim)) -> Call {
    let permission = world.permission(door);
    let contradicts = matches!((user, header), (Claim::Of(one), Claim::Of(other)) if one != other);
    let foreign = matches!(user, Claim::Of(side) if !who.covers(side));
    let refusal = refused(
        who.is_live() && user != Claim::Malformed,
        &[
            (matches!(header, Claim::Malformed | Claim::Twice), 400),
            (contradicts || foreign || !who.may(permission), 403),
        ],
    );
    let expected = refusal.unwrap_or(match user {
        Claim::Of(side @ (Side::Ours | Side::Theirs)) => Expected::Done(side, vec![200]),
        // A tenant that is not there has no channel; a receipt for it waits in vain.
        Claim::Of(Side::Nobodys) | Claim::Absent | Claim::Malformed | Claim::Twice => {
            Expected::LetIn
        }
    });
    let mut call = Call::of(door, Side::Ours)
        .with_claim(world, header)
        .saying((who, user, header))
        .expecting(expected);
    // A path that names a tenant agrees with the user; one that does not has a test of its own.
    if let (Claim::Of(side), true) = (user, door.template.contains("{ccid}")) {
        let ours = world.ccid(Side::Ours).to_string();
        call.target = call.target.replace(&ours, &world.ccid(side).to_string());
    }
    let user = match user {
        Claim::Of(side) => world.ccid(side).to_string(),
        Claim::Absent | Claim::Malformed | Claim::Twice => "main".to_owned(),
    };
    if let Some(password) = world.rings.shown(who, permission) {
        let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let value = HeaderValue::from_str(&format!("Basic {pair}")).unwrap();
        for _ in 0..if who == Who::Twice { 2 } else { 1 } {
            call.headers.append(AUTHORIZATION, value.clone());
        }
    }
    call
}
