//! The directory on several replicas over one database: what one changes, the others take up.

use nexus_gateway::provisioning::{CannotSend, ServiceName};
use nexus_gateway::values::Ccid;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::provisioning::api::PHONE;
use crate::provisioning::replica::{Deployment, Replica};

fn ccid() -> Ccid {
    Ccid::from_uuid(Uuid::new_v4())
}

fn async_service(channels: &[&str]) -> Value {
    let data =
        |id: &&str| json!({ "channelId": id, "webhook": { "url": "https://company.com/hook" } });
    let secret = |id: &&str| json!({ "channelId": id, "webhook": { "secret": "a" }, "api": { "secret": "b" } });
    json!({
        "data": { "channels": channels.iter().map(data).collect::<Vec<_>>() },
        "secret": { "channels": channels.iter().map(secret).collect::<Vec<_>>() },
    })
}

#[tokio::test]
async fn a_change_is_in_force_where_it_was_made_and_elsewhere_after_the_next_look() {
    let deployment = Deployment::start().await;
    let (here, there) = (deployment.replica().await, deployment.replica().await);
    let ccid = ccid();
    here.put(&format!("services/{ccid}/Async"), &async_service(&[PHONE]))
        .await;

    assert!(here.has_channel(ccid, PHONE));
    assert!(!there.has_channel(ccid, PHONE));
    assert!(there.refresh().await);
    assert!(there.has_channel(ccid, PHONE));
    assert_eq!(there.directory.version(), here.directory.version());
    assert!(!there.refresh().await, "there is nothing more to read");
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let deployment = Deployment::start().await;
    let (here, there) = (deployment.replica().await, deployment.replica().await);
    let (changed, other) = (ccid(), ccid());
    here.put(&format!("services/{other}/Async"), &async_service(&[PHONE]))
        .await;
    there.refresh().await;
    let before = there.directory.snapshot();
    here.put(
        &format!("services/{changed}/Async"),
        &async_service(&[PHONE]),
    )
    .await;
    there.refresh().await;
    let after = there.directory.snapshot();

    let phone = PHONE.parse().unwrap();
    let kept = [&before, &after].map(|snapshot| snapshot.third_party(other, &phone).unwrap());
    assert!(
        std::sync::Arc::ptr_eq(kept[0], kept[1]),
        "the other tenant was not read again"
    );
    assert!(after.third_party(changed, &phone).is_some());
}

#[tokio::test]
async fn a_key_opens_and_closes_every_replica() {
    let deployment = Deployment::start().await;
    let (here, there) = (deployment.replica().await, deployment.replica().await);
    let made = here
        .post(
            "apikeys",
            &json!({ "tenant": "*", "name": "n", "permissions": ["nexus:apikeys:read"] }),
        )
        .await;
    let (key, id) = (
        made["data"]["key"].as_str().unwrap(),
        made["data"]["id"].as_str().unwrap(),
    );

    assert_eq!(there.status_with(key).await, 401);
    there.refresh().await;
    assert_eq!(there.status_with(key).await, 200);
    here.delete(&format!("apikeys/{id}")).await;
    assert_eq!(here.status_with(key).await, 401);
    there.refresh().await;
    assert_eq!(there.status_with(key).await, 401);
}

#[tokio::test]
async fn every_channel_has_a_lane_that_outlives_it() {
    let deployment = Deployment::start().await;
    let here = deployment.replica().await;
    let ccid = ccid();
    let place = format!("services/{ccid}/Async");
    here.put(&place, &async_service(&[PHONE, "company.com"]))
        .await;
    let snapshot = here.directory.snapshot();
    let lane = |channel: &str| {
        snapshot
            .third_party(ccid, &channel.parse().unwrap())
            .unwrap()
            .lane
    };
    let (phone_lane, email_lane) = (lane(PHONE), lane("company.com"));
    assert_ne!(phone_lane, email_lane);

    here.put(&place, &async_service(&["company.com"])).await;
    let without_phone = here.directory.snapshot();
    assert!(without_phone.lane(phone_lane).is_none());
    assert!(without_phone.lane(email_lane).is_some());
    let mut lanes: Vec<_> = without_phone.lanes().collect();
    lanes.sort_unstable_by_key(|(lane, _)| *lane);
    assert_eq!(
        lanes,
        [
            (phone_lane.min(email_lane), ccid),
            (phone_lane.max(email_lane), ccid)
        ]
    );

    here.delete(&place).await;
    assert_eq!(here.directory.snapshot().lanes().count(), 2);
    here.put(&place, &async_service(&[PHONE])).await;
    let again = here.directory.snapshot();
    assert_eq!(
        again
            .third_party(ccid, &PHONE.parse().unwrap())
            .unwrap()
            .lane,
        phone_lane,
        "what waits finds its channel again"
    );
    // A replica that starts later knows all of them.
    assert_eq!(
        deployment
            .replica()
            .await
            .directory
            .snapshot()
            .lanes()
            .count(),
        2
    );
}

#[tokio::test]
async fn the_service_says_who_carries_and_from_whom() {
    let deployment = Deployment::start().await;
    let here = deployment.replica().await;
    let ccid = ccid();
    here.put(&format!("services/{ccid}/Async"), &async_service(&[PHONE]))
        .await;
    here.put(
        &format!("senders/{ccid}/chat.a"),
        &json!({ "channelId": PHONE, "header:x-team": "blue" }),
    )
    .await;
    let sms = json!({ "data": { "provider": "mGage", "defaultSender": PHONE }, "secret": {} });
    here.put(&format!("services/{ccid}/SMS"), &sms).await;

    let snapshot = here.directory.snapshot();
    let phone = PHONE.parse().unwrap();
    let refused = snapshot.channel_to_send(ccid, &phone, false).unwrap_err();
    assert_eq!(refused, CannotSend::NoService(ServiceName::MGageSms));
    assert_eq!(snapshot.defaults(ccid).sms.unwrap().as_str(), PHONE);
    assert_eq!(snapshot.senders_of(ccid).len(), 1);

    here.delete(&format!("services/{ccid}/SMS")).await;
    let snapshot = here.directory.snapshot();
    let channel = snapshot.channel_to_send(ccid, &phone, false).unwrap();
    assert_eq!(channel.custom_headers(false)[0].1, "blue");
    assert_eq!(snapshot.defaults(ccid).sms, None);
}

#[tokio::test]
async fn a_tenant_whose_secrets_cannot_be_opened_does_not_hinder_the_others() {
    let deployment = Deployment::start().await;
    let stranger = deployment.replica_with_another_master_key().await;
    let (lost, fine) = (ccid(), ccid());
    stranger
        .put(&format!("services/{lost}/Async"), &async_service(&[PHONE]))
        .await;
    stranger
        .put(
            &format!("senders/{lost}/chat.a"),
            &json!({ "channelId": PHONE }),
        )
        .await;
    let here = deployment.replica().await;
    here.put(&format!("services/{fine}/Async"), &async_service(&[PHONE]))
        .await;

    assert!(here.has_channel(fine, PHONE));
    assert!(!here.has_channel(lost, PHONE));
    let snapshot = here.directory.snapshot();
    assert_eq!(
        snapshot.senders_of(lost).len(),
        1,
        "what is not sealed is there"
    );
    assert_eq!(
        snapshot.lanes().filter(|(_, owner)| *owner == lost).count(),
        1
    );
    // It can be entered again.
    here.put(&format!("services/{lost}/Async"), &async_service(&[PHONE]))
        .await;
    assert!(here.has_channel(lost, PHONE));
}

#[tokio::test]
async fn the_configured_key_is_a_cluster_key_whatever_became_of_it() {
    let deployment = Deployment::start().await;
    let here = deployment.replica().await;
    let listed = here.get("apikeys?tenant=*").await;
    let id = listed["data"]["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    here.patch(&format!("apikeys/{id}"), &json!({ "enabled": false }))
        .await;
    assert_eq!(here.status_with(&deployment.bootstrap_key).await, 401);

    let restarted = deployment.replica().await;
    assert_eq!(restarted.status_with(&deployment.bootstrap_key).await, 200);
    let version = restarted.directory.version();
    let again: Replica = deployment.replica().await;
    assert_eq!(
        again.directory.version(),
        version,
        "a key that is as it should be is not written"
    );
}
