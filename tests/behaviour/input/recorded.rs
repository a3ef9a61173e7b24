//! Every call that changes something for others leaves exactly one record of who made it, and a refused one leaves none.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use sqlx::PgConnection;

use super::caller::Caller;
use super::door::{Credentials, Door, Takes};
use super::doors::doors;
use super::site::Site;

/// What a call leaves where it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// One record of this action.
    One(&'static str),
    /// The same, unless what was asked for is so already.
    OneIfChanged(&'static str),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

use Leaves::{Nothing, One, OneIfChanged};

const TRAFFIC: &str = "it is traffic, of which history tells";

/// A decision about every route that is not only read.
const DECISIONS: &[(&str, &str, Leaves)] = &[
    (
        "POST",
        "/nexus/v3/channels/{channelId}/messages",
        Nothing(TRAFFIC),
    ),
    ("POST", "/channels/{channelId}/messages", Nothing(TRAFFIC)),
    (
        "POST",
        "/nexus/v3/channels/{channelId}/media",
        Nothing(TRAFFIC),
    ),
    ("POST", "/channels/{channelId}/media", Nothing(TRAFFIC)),
    ("POST", "/nexus/v3/sms/message", Nothing(TRAFFIC)),
    ("POST", "/nexus/v3/sms/receipt", Nothing(TRAFFIC)),
    (
        "POST",
        "/nexus/v3/callbacks/mgage/{ccid}/{token}",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/callbacks/sparkpost/{ccid}/{token}",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/callbacks/open-messaging/{ccid}",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/callbacks/http-sms/{ccid}/{token}",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/callbacks/sparkpost/{ccid}",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/signatures/verify",
        Nothing("it is only looked at"),
    ),
    (
        "POST",
        "/nexus/v3/provisioning/services/{ccid}/{name}/callback-token",
        One("service.callback-token-renewed"),
    ),
    (
        "POST",
        "/nexus/v3/provisioning/numbers/{ccid}",
        One("key.created"),
    ),
    ("POST", "/nexus/v3/messages", Nothing(TRAFFIC)),
    ("POST", "/nexus/v3/messages/{id}/cancel", Nothing(TRAFFIC)),
    (
        "POST",
        "/nexus/v3/messages/{id}/retry",
        One("message.retried"),
    ),
    (
        "POST",
        "/nexus/v3/conversations/{id}/messages",
        Nothing(TRAFFIC),
    ),
    (
        "POST",
        "/nexus/v3/conversations/{id}/close",
        Nothing(TRAFFIC),
    ),
    ("POST", "/nexus/v3/replays", One("replay.begun")),
    (
        "DELETE",
        "/nexus/v3/replays/{id}",
        OneIfChanged("replay.cancelled"),
    ),
    ("POST", "/nexus/v3/erasures", One("erasure.begun")),
    (
        "DELETE",
        "/nexus/v3/erasures/{id}",
        OneIfChanged("erasure.cancelled"),
    ),
    ("POST", "/nexus/v3/unsubscribe/{token}", Nothing(TRAFFIC)),
    (
        "PUT",
        "/nexus/v3/suppressions/{channelId}/{address}",
        One("suppression.saved"),
    ),
    (
        "DELETE",
        "/nexus/v3/suppressions/{channelId}/{address}",
        One("suppression.removed"),
    ),
    (
        "PUT",
        "/nexus/v3/provisioning/services/{ccid}/{name}",
        One("service.saved"),
    ),
    (
        "POST",
        "/nexus/v3/provisioning/services/{ccid}/{name}",
        One("service.saved"),
    ),
    (
        "DELETE",
        "/nexus/v3/provisioning/services/{ccid}/{name}",
        One("service.deleted"),
    ),
    (
        "PUT",
        "/nexus/v3/provisioning/senders/{ccid}/{name}",
        One("sender.saved"),
    ),
    (
        "DELETE",
        "/nexus/v3/provisioning/senders/{ccid}/{name}",
        One("sender.deleted"),
    ),
    (
        "POST",
        "/nexus/v3/provisioning/import/{ccid}",
        One("tenant.imported"),
    ),
    ("POST", "/nexus/v3/provisioning/apikeys", One("key.created")),
    (
        "PATCH",
        "/nexus/v3/provisioning/apikeys/{id}",
        One("key.changed"),
    ),
    (
        "DELETE",
        "/nexus/v3/provisioning/apikeys/{id}",
        One("key.deleted"),
    ),
    (
        "POST",
        "/nexus/v3/endpoints/{id}/pause",
        OneIfChanged("endpoint.paused"),
    ),
    (
        "POST",
        "/nexus/v3/endpoints/{id}/resume",
        OneIfChanged("endpoint.resumed"),
    ),
    (
        "POST",
        "/nexus/v3/endpoints/{id}/test",
        Nothing("it changes nothing"),
    ),
];

/// What a door's call leaves. A route that is added without a decision fails here.
fn decided(door: &Door) -> Leaves {
    let mut rows = DECISIONS.iter();
    let row =
        rows.find(|(method, template, _)| door.method == *method && door.template == *template);
    row.unwrap_or_else(|| panic!("{} {} has no decision", door.method, door.template))
        .2
}

/// Records that were written after the first so many, oldest first: action, key, address, members.
type Written = (String, Option<uuid::Uuid>, Option<String>, Vec<String>);

async fn written(database: &mut PgConnection, after: i64) -> Vec<Written> {
    sqlx::query_as(
        "select action, key_id, source, changed from audit where id > $1 and action <> 'key.used' order by id",
    )
    .bind(after)
    .fetch_all(database)
    .await
    .unwrap()
}

async fn last(database: &mut PgConnection) -> i64 {
    let last = sqlx::query_scalar("select coalesce(max(id), 0) from audit");
    last.fetch_one(database).await.unwrap()
}

fn mutating(site: &Site) -> Vec<Door> {
    let all = doors(&site.objects).into_iter();
    all.filter(|door| door.method != Method::GET).collect()
}

#[tokio::test]
async fn every_call_that_changes_something_leaves_one_record_of_who_made_it() {
    let site = Site::open().await;
    let mut caller = Caller::new(&site.gateway.url());
    let mut database = site.gateway.connect().await;
    let mut left = 0;
    for door in mutating(&site) {
        let name = format!("{} {}", door.method, door.template);
        let call = door.valid();
        let before = last(&mut database).await;
        let headers = site.headers(&door, &call.body);
        let answer = caller
            .call(
                (call.method.clone(), &call.path),
                headers,
                call.body.clone(),
            )
            .await
            .unwrap();
        let records = written(&mut database, before).await;
        let was_taken = answer.status < 300;
        let action = match decided(&door) {
            One(action) if was_taken => action,
            OneIfChanged(action) if was_taken && !records.is_empty() => action,
            One(_) | OneIfChanged(_) | Nothing(_) => {
                assert!(records.is_empty(), "{name}: {records:?}");
                continue;
            }
        };
        assert_eq!(records.len(), 1, "{name}: {records:?}");
        let (found, key, source, _) = &records[0];
        assert_eq!((found.as_str(), key.is_some()), (action, true), "{name}");
        assert_eq!(source.as_deref(), Some("127.0.0.1"), "{name}");
        left += 1;
    }
    assert!(left >= 12, "only {left} of them left a record");
}

#[tokio::test]
async fn a_call_that_is_refused_leaves_no_record() {
    let site = Site::open().await;
    let reader = site.tenant.limited_to(&["nexus:audit:read"]).await;
    let mut caller = Caller::new(&site.gateway.url());
    let mut database = site.gateway.connect().await;
    let before = last(&mut database).await;
    let mut refused = 0;
    for door in mutating(&site) {
        let call = door.valid();
        let good = site.headers(&door, &call.body);
        // An address is a credential in the path: to none without it there is such a place.
        let bare = if matches!(door.credentials, Credentials::Address | Credentials::Link) {
            Bytes::new()
        } else {
            call.body.clone()
        };
        let mut cases: Vec<(HeaderMap, Bytes)> = vec![(HeaderMap::new(), bare)];
        if matches!(door.credentials, Credentials::Key | Credentials::Operator) {
            let mut lacking = good.clone();
            lacking.insert("x-api-key", reader.key.parse().unwrap());
            lacking.insert("x-ccid", reader.ccid.to_string().parse().unwrap());
            cases.push((lacking, call.body.clone()));
        }
        if matches!(door.takes, Takes::Json(_)) {
            cases.push((good, Bytes::from_static(b"{\"unknown\":1}")));
        }
        for (headers, body) in cases {
            let answer = caller.call((call.method.clone(), &call.path), headers, body);
            let answer = answer.await.unwrap();
            assert!(
                answer.status >= 400,
                "{} {}: {answer:?}",
                door.method,
                door.template
            );
            refused += 1;
        }
    }
    assert!(refused > 60, "only {refused} refusals");
    assert_eq!(written(&mut database, before).await, []);
}

/// The table has no row of a route that is gone.
#[tokio::test]
async fn every_decision_is_about_a_route_that_is_there() {
    let site = Site::open().await;
    let doors = mutating(&site);
    for (method, template, _) in DECISIONS {
        let there = doors
            .iter()
            .any(|door| door.method == *method && door.template == *template);
        assert!(there, "{method} {template}");
    }
}
