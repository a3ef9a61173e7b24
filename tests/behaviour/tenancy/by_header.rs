//! What a caller asks for the tenant of its header `x-ccid`: with a key, and up- and downloads of applications.

use reqwest::Method;

use super::call::{Call, Claim, Expected, refused};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::{Credentials, Door, Takes};

pub fn calls(world: &World) -> Vec<Call> {
    let sides = Side::ALL.map(|side| (side, world.doors(side)));
    let mut calls = Vec::new();
    for (about, doors) in sides {
        for (row, door) in doors.iter().enumerate().filter(|(_, door)| takes_key(door)) {
            if about != Side::Ours && names(door) == Names::Nothing {
                continue;
            }
            for who in Who::ALL {
                // Without a key an upload is a signed call, and a download one by link.
                if who == Who::Nobody
                    && (door.credentials == Credentials::Signature || is_download(door))
                {
                    continue;
                }
                let call = |claim: &_| call(world, (row, door), about, (who, *claim));
                calls.extend(Claim::of(who).iter().map(call));
            }
        }
    }
    calls
}

fn takes_key(door: &Door) -> bool {
    let is_upload = matches!(door.takes, Takes::File);
    door.credentials == Credentials::Key || is_upload
}

fn is_download(door: &Door) -> bool {
    door.template.ends_with("/media/{mediaId}")
}

/// Where the header may be left out: then a key sees all that is its own.
fn may_name_nobody(door: &Door) -> bool {
    door.template == "/nexus/v3/audit"
}

/// What a path names beside the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Nothing,
    /// Something that was there before: another's is missing.
    Thing,
    /// Something that the call may make.
    Place,
}

pub fn names(door: &Door) -> Names {
    let Some((_, last)) = door.template.rsplit_once('{') else {
        return Names::Nothing;
    };
    match last.split('}').next() {
        Some("id" | "mediaId") => Names::Thing,
        Some("address") if door.method != Method::PUT => Names::Thing,
        Some("address") => Names::Place,
        _ => Names::Nothing,
    }
}

fn call(
    world: &World,
    (row, door): (usize, &Door),
    about: Side,
    (who, claim): (Who, Claim),
) -> Call {
    let permission = world.permission(door);
    let is_foreign = |side: Side| names(door) == Names::Thing && side != about;
    let refusal = refused(
        who.is_live(),
        &[
            (
                matches!(claim, Claim::Malformed | Claim::Twice)
                    || (claim == Claim::Absent && !may_name_nobody(door)),
                400,
            ),
            (matches!(claim, Claim::Of(side) if !who.covers(side)), 403),
            (!who.may(permission), 403),
        ],
    );
    let expected = refusal.unwrap_or_else(|| match claim {
        Claim::Of(side) if is_foreign(side) => Expected::Missing,
        Claim::Of(Side::Nobodys) if names(door) == Names::Thing => Expected::Missing,
        // A tenant that is not there has empty lists and no channel.
        Claim::Of(side @ (Side::Ours | Side::Theirs)) => Expected::Done(side, done(door)),
        Claim::Of(Side::Nobodys) | Claim::Absent | Claim::Malformed | Claim::Twice => {
            Expected::LetIn
        }
    });
    Call::of(door, about)
        .with_key(world, who, permission)
        .with_claim(world, claim)
        .saying((row, who, claim))
        .expecting(expected)
}

/// A call that was made before may be too late.
fn done(door: &Door) -> Vec<u16> {
    [door.answers, &[409, 429]].concat()
}
