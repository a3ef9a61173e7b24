//! What a caller asks for the tenant of its path.

use reqwest::Method;
use serde_json::json;

use super::call::{Call, Claim, Expected, refused};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::{Credentials, Door, Takes};

/// The tenants that a path may name, and what is none.
const PATHS: [Claim; 4] = [
    Claim::Of(Side::Ours),
    Claim::Of(Side::Theirs),
    Claim::Of(Side::Nobodys),
    Claim::Malformed,
];

pub fn calls(world: &World) -> Vec<Call> {
    let mut calls = Vec::new();
    for about in Side::ALL {
        let doors = world.doors(about);
        let rows = doors.iter().enumerate();
        // Who shows a key elsewhere than in its header is walked elsewhere, too.
        let takes_keys = |door: &Door| {
            !matches!(
                door.credentials,
                Credentials::Address | Credentials::Link | Credentials::Agents | Credentials::Basic
            )
        };
        let rows = rows.filter(|(_, door)| door.template.contains("{ccid}") && takes_keys(door));
        for (row, door) in rows {
            let is_about_anything = names_section(door) || has_tenant(door);
            if about != Side::Ours && !is_about_anything {
                continue;
            }
            for who in Who::ALL {
                let paths = if who.is_live() { &PATHS } else { &PATHS[..2] };
                for path in paths.iter().copied() {
                    let call = |header| call(world, (row, door), about, (who, path, header));
                    calls.extend(Claim::of(who).iter().copied().map(call));
                }
            }
        }
    }
    calls
}

/// Whether what the path names has to be there.
fn names_section(door: &Door) -> bool {
    door.template.ends_with("/senders/{ccid}/{name}") && door.method == Method::GET
}

/// Whether the body names a tenant, too.
fn has_tenant(door: &Door) -> bool {
    matches!(&door.takes, Takes::Json(body) if body.get("ccid").is_some())
}

fn call(
    world: &World,
    (row, door): (usize, &Door),
    about: Side,
    (who, path, header): (Who, Claim, Claim),
) -> Call {
    let permission = world.permission(door);
    let contradicts = matches!((path, header), (Claim::Of(one), Claim::Of(other)) if one != other);
    let foreign = |claim| matches!(claim, Claim::Of(side) if !who.covers(side));
    let refusal = refused(
        who.is_live(),
        &[
            (path == Claim::Malformed, 400),
            (matches!(header, Claim::Malformed | Claim::Twice), 400),
            (contradicts || foreign(path) || foreign(header), 403),
            (!who.may(permission), 403),
            (has_tenant(door) && path != Claim::Of(about), 422),
        ],
    );
    let expected = refusal.unwrap_or_else(|| match path {
        Claim::Of(side) if names_section(door) && side != about => Expected::Missing,
        Claim::Of(Side::Nobodys) if names_section(door) => Expected::Missing,
        Claim::Of(side @ (Side::Ours | Side::Theirs)) => {
            Expected::Done(side, [door.answers, &[404]].concat())
        }
        // Whoever may act for all tenants makes one by providing for it.
        Claim::Of(Side::Nobodys) | Claim::Absent | Claim::Malformed | Claim::Twice => {
            Expected::LetIn
        }
    });
    let mut call = Call::of(door, about)
        .with_key(world, who, permission)
        .with_claim(world, header)
        .saying((row, who, path, header))
        .expecting(expected);
    let named = match path {
        Claim::Of(side) => world.ccid(side).to_string(),
        Claim::Absent | Claim::Malformed | Claim::Twice => "main".to_owned(),
    };
    call.target = call
        .target
        .replacen(&world.ccid(about).to_string(), &named, 1);
    if has_tenant(door) {
        let tenant = json!({ "ccid": world.ccid(about), "services": [], "senders": [] });
        call.body = tenant.to_string().into();
    }
    call
}
