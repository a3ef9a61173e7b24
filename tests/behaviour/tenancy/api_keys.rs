//! API keys, which are their own tenants' and those of nobody in particular.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;

use super::call::{Call, Claim, Expected, refused};
use super::who::{Side, Who};
use super::world::World;
use crate::input::door::Door;

pub fn calls(world: &World) -> Vec<Call> {
    let mut calls = Vec::new();
    for about in Side::ALL {
        let doors = world.doors(about);
        let rows = doors.iter().enumerate();
        for (row, door) in rows.filter(|(_, door)| door.template.contains("/apikeys")) {
            for who in Who::ALL {
                let call = |claim| call(world, (row, door), about, (who, claim));
                calls.extend(Claim::ALL.map(call));
            }
        }
    }
    calls
}

fn names_key(door: &Door) -> bool {
    door.template.ends_with("{id}")
}

/// The tenant whose keys a list shows, or a new key is for, is named beside the header.
fn call(
    world: &World,
    (row, door): (usize, &Door),
    about: Side,
    (who, claim): (Who, Claim),
) -> Call {
    let permission = world.permission(door);
    let changes = door.method != Method::GET;
    let is_foreign = !who.covers(about);
    let contradicts = matches!(claim, Claim::Of(side) if side != about) && !names_key(door);
    // A key gives no other key what it does not have.
    let is_weaker = who == Who::OnlyThis && changes;
    let refusal = refused(
        who.is_live(),
        &[
            (matches!(claim, Claim::Malformed | Claim::Twice), 400),
            (matches!(claim, Claim::Of(side) if !who.covers(side)), 403),
            (contradicts, 403),
            (!who.may(permission), 403),
            (is_foreign && !names_key(door), 403),
            (is_weaker && !(names_key(door) && is_foreign), 403),
        ],
    );
    let is_missing = names_key(door) && (is_foreign || about == Side::Nobodys);
    let expected = match refusal {
        // Whether a key is too strong to be changed is said of those that are there.
        Some(_) if is_weaker && is_missing && is_plain(who, claim) => Expected::Missing,
        Some(refused) => refused,
        None if is_missing => Expected::Missing,
        None if about == Side::Nobodys => Expected::LetIn,
        // A key that was deleted by a call before is gone.
        None => Expected::Done(about, [door.answers, &[404]].concat()),
    };
    let mut call = Call::of(door, about)
        .with_key(world, who, permission)
        .with_claim(world, claim)
        .saying((row, who, claim))
        .expecting(expected);
    if !names_key(door) {
        name_tenant(&mut call, world, about);
    }
    call
}

fn is_plain(who: Who, claim: Claim) -> bool {
    match claim {
        Claim::Absent => true,
        Claim::Of(side) => who.covers(side),
        Claim::Malformed | Claim::Twice => false,
    }
}

fn name_tenant(call: &mut Call, world: &World, about: Side) {
    let ccid = world.ccid(about);
    if call.method == Method::POST {
        let key = json!({ "tenant": ccid, "name": "new", "permissions": ["nexus:messages:read"] });
        call.body = key.to_string().into();
    } else {
        call.target = format!("/nexus/v3/provisioning/apikeys?limit=500&tenant={ccid}");
    }
}

#[tokio::test]
async fn the_page_behind_another_tenants_key_is_the_page_behind_no_key() {
    let world = World::open().await;
    let page = async |side| {
        let cursor = BASE64_URL_SAFE_NO_PAD.encode(&world.objects(side).changing_key);
        let path = format!("/nexus/v3/provisioning/apikeys?cursor={cursor}");
        let page = world.ours.get(&path).await;
        assert_eq!(page.status, 200, "{:?}", page.json());
        page.json()
    };
    let own = page(Side::Ours).await;
    assert!(
        !own["data"]["items"].as_array().unwrap().is_empty(),
        "{own}"
    );
    assert_eq!(page(Side::Theirs).await, page(Side::Nobodys).await);
}
