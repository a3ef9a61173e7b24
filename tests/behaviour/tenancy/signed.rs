//! Third parties, which sign bodies with the secret of one channel of one tenant; and links, which are signed by us.

use nexus_gateway::auth::signature::{sign_sha1, sign_sha256};
use reqwest::header::HeaderValue;

use super::call::{Call, Claim, Expected, refused};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::{Credentials, Door};

/// How a body may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    By(Side),
    /// With the secret of the tenant, by the stronger of the two algorithms.
    Stronger(Side),
    /// Rightly by both tenants at once, with one algorithm each.
    Both,
    /// Another body was.
    Otherwise,
    Emptily,
    Malformed,
    Not,
}

const SIGNED: [Signed; 9] = [
    Signed::By(Side::Ours),
    Signed::By(Side::Theirs),
    Signed::By(Side::Nobodys),
    Signed::Stronger(Side::Ours),
    Signed::Stronger(Side::Theirs),
    Signed::Both,
    Signed::Otherwise,
    Signed::Emptily,
    Signed::Malformed,
];

/// Beside a signature a key says nothing, and in its place it is none: on messages.
const KEYS: [Who; 4] = [Who::Nobody, Who::Owner, Who::OtherTenant, Who::Cluster];

pub fn calls(world: &World) -> Vec<Call> {
    let doors = world.doors(Side::Ours);
    let rows = doors.iter().enumerate();
    let mut calls = Vec::new();
    for (row, door) in rows.filter(|(_, door)| door.credentials == Credentials::Signature) {
        let takes_keys = door.template.ends_with("/media");
        for signed in SIGNED.into_iter().chain([Signed::Not]) {
            for key in KEYS {
                if takes_keys && signed == Signed::Not && key != Who::Nobody {
                    continue;
                }
                let call = |claim| call(world, (row, door), (signed, key, claim));
                calls.extend(Claim::ALL.map(call));
            }
        }
    }
    calls.extend(without_key(world));
    calls
}

fn call(
    world: &World,
    (row, door): (usize, &Door),
    (how, key, claim): (Signed, Who, Claim),
) -> Call {
    let secret_of = match how {
        Signed::By(side) | Signed::Stronger(side) => Some(side),
        Signed::Both | Signed::Otherwise | Signed::Emptily | Signed::Malformed | Signed::Not => {
            None
        }
    };
    let expected = match (claim, secret_of) {
        (Claim::Of(named), Some(side)) if named == side && side != Side::Nobodys => {
            Expected::Done(named, vec![200])
        }
        _ => refused(false, &[]).unwrap(),
    };
    let mut call = Call::of(door, Side::Ours)
        .with_key(world, key, "nexus:messages:send")
        .with_claim(world, claim)
        .saying((row, how, key, claim))
        .expecting(expected);
    for (name, value) in signatures(world, how, &call.body) {
        call.headers
            .insert(name, HeaderValue::from_str(&value).unwrap());
    }
    call
}

fn signatures(world: &World, signed: Signed, body: &[u8]) -> Vec<(&'static str, String)> {
    const SHA1: &str = "x-hub-signature";
    const SHA256: &str = "x-hub-signature-256";
    let secret = |side| match side {
        Side::Ours => world.ours.third_party.api_secret.clone(),
        Side::Theirs => world.theirs.third_party.api_secret.clone(),
        Side::Nobodys => "api-secret-of-nobody".to_owned(),
    };
    let sha1 = |side| (SHA1, sign_sha1(secret(side).as_bytes(), body));
    let sha256 = |side| (SHA256, sign_sha256(secret(side).as_bytes(), body));
    match signed {
        Signed::By(side) => vec![sha1(side)],
        Signed::Stronger(side) => vec![sha256(side)],
        Signed::Both => vec![sha1(Side::Ours), sha256(Side::Theirs)],
        Signed::Otherwise => {
            vec![(SHA1, sign_sha1(secret(Side::Ours).as_bytes(), b"another"))]
        }
        Signed::Emptily => vec![(SHA1, sign_sha1(b"", body))],
        Signed::Malformed => vec![(SHA1, "sha1=00".to_owned())],
        Signed::Not => Vec::new(),
    }
}

/// Downloads by links that were not made here: there is no such file, whoever's it is.
fn without_key(world: &World) -> Vec<Call> {
    let downloads = Side::ALL.map(|about| {
        let mut doors = world.doors(about).into_iter();
        let download = |door: &Door| door.template.ends_with("/media/{mediaId}");
        (about, doors.find(download).unwrap())
    });
    let mut calls = Vec::new();
    for (about, door) in downloads {
        for claim in Claim::ALL {
            let call = Call::of(&door, about).with_claim(world, claim);
            calls.push(call.saying(("by link", claim)).expecting(Expected::Missing));
        }
    }
    calls
}
