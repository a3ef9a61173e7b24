//! What an operator decides: networks that are denied, a proxy; and what nobody can decide: whom we stand on.

use std::net::{IpAddr, Ipv4Addr};

use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;

use super::connecting::errors;
use super::doors::webhooks;
use crate::harness::TestGateway;
use crate::harness::gateway::{WEBHOOK_SECRET, database};
use crate::harness::name_server::NameServer;
use crate::harness::proxy::Proxy;
use crate::harness::tenant::{CONSUMER, Tenant};
use crate::provisioning::api::{Holder, new_ccid};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

async fn refuses_to_save(gateway: &TestGateway, url: &str) {
    let place = format!("services/{}/Async", new_ccid());
    let operator = Holder::bootstrap(gateway);
    let saved = operator.put(&place, &webhooks(&[url.to_owned()])).await;
    assert_eq!(saved.status, 422, "{url}");
    saved.refused_at(&["/data/channels/0/webhook/url"]);
}

#[tokio::test]
async fn neither_our_listeners_nor_the_database_are_a_destination_though_their_network_is() {
    let names = NameServer::start().await;
    names.says("here.example", &[HERE]);
    let name_servers = names.address.to_string();
    let stored = database().await;
    let way = Proxy::start(&stored.handle.connect_options()).await;
    let place: PgConnectOptions = way.url().parse().unwrap();
    let gateway = TestGateway::start_with(&[
        ("OUTBOUND__NAME_SERVERS", name_servers.as_str()),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600"),
        ("DATABASE__URL", way.url()),
    ])
    .await;
    let ports = [
        port_of(&gateway.url()),
        port_of(&gateway.internal_url()),
        place.get_port(),
    ];
    for port in ports {
        for host in ["127.0.0.1", "127.0.0.9", "[::ffff:127.0.0.1]", "2130706433"] {
            refuses_to_save(&gateway, &format!("http://{host}:{port}/")).await;
        }
        for host in ["here.example", "localhost"] {
            let webhook = json!({ "url": format!("http://{host}:{port}/") });
            let tenant = gateway.tenant_with(webhook).await;
            let id = tenant.send(CONSUMER, "Hi").await;
            assert_eq!(
                errors(&tenant, &id, 1).await,
                ["address_refused"],
                "{host}:{port}"
            );
        }
    }
    // The third party is at the same addresses with another port.
    let port = gateway.third_party.address().port();
    let webhook = json!({ "url": format!("http://here.example:{port}/webhook") });
    let tenant = gateway.tenant_with(webhook).await;
    let id = tenant.send(CONSUMER, "Hi").await;
    tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn a_denied_network_is_refused_whatever_is_allowed_and_by_name_too() {
    let names = NameServer::start().await;
    names.says("public.example", &["203.0.112.7".parse().unwrap()]);
    let name_servers = names.address.to_string();
    let gateway = TestGateway::start_with(&[
        ("OUTBOUND__NAME_SERVERS", name_servers.as_str()),
        ("OUTBOUND__DENY_NETWORKS", "127.0.0.2/32,203.0.112.0/24"),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600"),
    ])
    .await;
    for host in [
        "127.0.0.2",
        "[::ffff:127.0.0.2]",
        "203.0.112.7",
        "[64:ff9b::203.0.112.7]",
    ] {
        refuses_to_save(&gateway, &format!("http://{host}/")).await;
    }
    let webhook = json!({ "url": "http://public.example/hook" });
    let tenant = gateway.tenant_with(webhook).await;
    let id = tenant.send(CONSUMER, "Hi").await;
    assert_eq!(errors(&tenant, &id, 1).await, ["address_refused"]);
    let tenant = gateway.tenant().await;
    let id = tenant.send(CONSUMER, "Hi").await;
    tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn everything_goes_through_the_proxy_but_not_what_is_known_to_lead_inside() {
    let secret = Secret::new(WEBHOOK_SECRET.to_owned());
    let proxy = ThirdParty::start(ThirdPartyOptions::with_secret(secret))
        .await
        .unwrap();
    let at = format!("http://{}", proxy.address());
    let names = NameServer::start().await;
    names.says(
        "inside.example",
        &["8.8.8.8".parse().unwrap(), "10.1.2.3".parse().unwrap()],
    );
    let name_servers = names.address.to_string();
    let gateway = TestGateway::start_with(&[
        ("OUTBOUND__NAME_SERVERS", name_servers.as_str()),
        ("OUTBOUND__ALLOW_NETWORKS", ""),
        ("OUTBOUND__PROXY", &at),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600"),
    ])
    .await;
    let send = async |url: &str| -> (Tenant, String) {
        let tenant = gateway.tenant_with(json!({ "url": url })).await;
        let id = tenant.send(CONSUMER, "Hi").await;
        (tenant, id)
    };
    let (tenant, id) = send("http://known.to.the.proxy.alone.example/webhook").await;
    tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(proxy.count(), 1);

    let (tenant, id) = send("http://inside.example/webhook").await;
    assert_eq!(errors(&tenant, &id, 1).await, ["address_refused"]);
    refuses_to_save(&gateway, "http://10.1.2.3/").await;
    refuses_to_save(&gateway, &at).await;
    assert_eq!(proxy.count(), 1);
}
