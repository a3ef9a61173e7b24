//! What is refused when it is saved.

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use super::addresses::{SPELLINGS, forbidden, host_of, one_of_each_kind};
use super::doors::{DOORS, Door, imported, webhooks};
use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, Reply, new_ccid};

/// What is said of every address, whatever it is an address of.
const REFUSAL: &str = "must not point to a private or reserved address";
/// Calls under way at once.
const AT_ONCE: usize = 8;

/// Public addresses only, as an operator starts it who says nothing.
async fn production() -> TestGateway {
    TestGateway::start_with(&[("OUTBOUND__ALLOW_NETWORKS", "")]).await
}

fn urls(hosts: impl IntoIterator<Item = String>) -> Vec<String> {
    hosts
        .into_iter()
        .map(|host| format!("https://{host}/hook?token=abc"))
        .collect()
}

/// The place and the message of every fault.
fn faults(refused: &Reply) -> Vec<(String, String)> {
    let details = refused.refused(422).body["status"]["details"].as_array();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    details
        .unwrap()
        .iter()
        .map(|fault| (text(&fault["path"]), text(&fault["message"])))
        .collect()
}

#[tokio::test]
async fn every_forbidden_address_is_refused_as_a_webhook_with_one_and_the_same_sentence() {
    let gateway = production().await;
    let operator = Holder::bootstrap(&gateway);
    let urls = urls(forbidden().into_iter().map(host_of));
    let expected: Vec<_> = (0..urls.len())
        .map(|number| {
            let place = format!("/data/channels/{number}/webhook/url");
            (place, REFUSAL.to_owned())
        })
        .collect();
    let ccid = new_ccid();
    let place = format!("services/{ccid}/Async");
    let saved = operator.put(&place, &webhooks(&urls)).await;
    assert_eq!(faults(&saved), expected);

    let document = imported(&ccid, "Async", webhooks(&urls));
    let saved = operator.post(&format!("import/{ccid}"), &document).await;
    let within: Vec<_> = expected
        .into_iter()
        .map(|(place, message)| (format!("/services/0{place}"), message))
        .collect();
    assert_eq!(faults(&saved), within);
    operator.get(&place).await.refused(404);
}

#[tokio::test]
async fn every_door_refuses_every_kind_of_address_and_repeats_nothing() {
    let gateway = production().await;
    let operator = Holder::bootstrap(&gateway);
    let calls = DOORS.iter().flat_map(|door| {
        let hosts = one_of_each_kind().into_iter().map(host_of);
        hosts.map(move |host| (door, host))
    });
    stream::iter(calls)
        .for_each_concurrent(AT_ONCE, |(door, host)| {
            let operator = operator.clone();
            async move { refuses(&operator, door, &host).await }
        })
        .await;
}

async fn refuses(operator: &Holder, door: &Door, host: &str) {
    let text = if door.host_alone {
        host.to_owned()
    } else {
        format!("http://{host}:8443/x")
    };
    let (ccid, definition) = (new_ccid(), (door.with)(&text));
    let path = format!("services/{ccid}/{}", door.service);
    let document = imported(&ccid, door.service, definition.clone());
    let import = format!("import/{ccid}");
    let calls = [
        (Method::PUT, path.as_str(), &definition, String::new()),
        (Method::POST, &path, &definition, String::new()),
        (Method::POST, &import, &document, "/services/0".to_owned()),
    ];
    for (method, path, body, prefix) in calls {
        let json = [("content-type", "application/json")];
        let reply = operator
            .call(method, path, Some(body.to_string()), &json)
            .await;
        let found = faults(&reply);
        let (place, message) = &found[0];
        assert_eq!(found.len(), 1, "{}: {host}", door.name);
        assert_eq!(*place, format!("{prefix}{}", door.place), "{}", door.name);
        // What a host is a part of is no address any more, and no name either.
        assert!(
            door.host_alone || message == REFUSAL,
            "{}: {message}",
            door.name
        );
        let bare = host.trim_matches(['[', ']']);
        assert!(!reply.body.to_string().contains(bare), "{}", reply.body);
    }
}

#[tokio::test]
async fn no_spelling_hides_an_address() {
    let gateway = production().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    for url in urls(SPELLINGS.iter().map(|&host| host.to_owned())) {
        let saved = operator
            .put(&place, &webhooks(std::slice::from_ref(&url)))
            .await;
        assert_eq!(saved.status, 422, "{url:?} was taken");
        saved.refused_at(&["/data/channels/0/webhook/url"]);
    }
}

#[tokio::test]
async fn every_door_takes_a_public_name() {
    let gateway = production().await;
    let operator = Holder::bootstrap(&gateway);
    for door in DOORS {
        let text = if door.host_alone {
            "example.com"
        } else {
            "https://example.com/hook"
        };
        let place = format!("services/{}/{}", new_ccid(), door.service);
        operator.put(&place, &(door.with)(text)).await.accepted(201);
    }
}

#[tokio::test]
async fn only_https_is_taken_where_the_operator_wants_it() {
    let gateway = TestGateway::start_with(&[("OUTBOUND__HTTPS_ONLY", "true")]).await;
    let operator = Holder::bootstrap(&gateway);
    for door in DOORS.iter().filter(|door| !door.host_alone) {
        let place = format!("services/{}/{}", new_ccid(), door.service);
        let definition = (door.with)("http://example.com/hook");
        operator
            .put(&place, &definition)
            .await
            .refused_at(&[door.place]);
    }
}
