use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::provisioning::model::ServiceName;
use crate::provisioning::senders::options::SenderOptions;
use crate::provisioning::services::settings::{Documents, ServiceSettings};

const PHONE: &str = "16504661149";

fn ccid() -> Ccid {
    Ccid::from_uuid(Uuid::from_u128(7))
}

fn third_party(channel_id: &str) -> Vec<Arc<ThirdPartyChannel>> {
    let data = json!({ "channels": [{ "channelId": channel_id, "webhook": { "url": "https://company.com/hook" } }] });
    let secret = json!({ "channels": [{ "channelId": channel_id, "webhook": { "secret": "a" }, "api": { "secret": "b" } }] });
    let documents = Documents {
        url: None,
        data: &data,
        secret: &secret,
    };
    let settings = ServiceSettings::parse(ServiceName::Async, documents).unwrap();
    let ServiceSettings::Async(settings) = settings else {
        panic!("Async has channels")
    };
    settings.channels.into_iter().map(Arc::new).collect()
}

fn sender(section: &str, options: &serde_json::Value) -> Arc<Sender> {
    let section: crate::values::SectionName = section.parse().unwrap();
    let options = SenderOptions::parse(&section, options.as_object().unwrap().clone()).unwrap();
    Arc::new(Sender {
        section,
        options,
        updated_at: OffsetDateTime::UNIX_EPOCH,
    })
}

fn lane(number: i64, target: &str) -> LaneTarget {
    LaneTarget {
        lane: LaneId(number),
        ccid: ccid(),
        connector: "Async".to_owned(),
        target: target.to_owned(),
    }
}

fn by(provider: Provider) -> MediaSettings {
    MediaSettings {
        provider: Some(provider),
        default_sender: None,
    }
}

/// Who sends for the phone number: for agents, and for campaigns.
fn senders_of_phone(parts: TenantParts) -> [Result<LaneId, CannotSend>; 2] {
    let tenant = Tenant::build(ccid(), parts);
    let phone = PHONE.parse().unwrap();
    [false, true].map(|for_campaign| {
        tenant
            .channel_to_send(&phone, for_campaign)
            .map(|channel| channel.lane)
    })
}

fn with_async() -> TenantParts {
    TenantParts {
        third_party: third_party(PHONE),
        lanes: vec![lane(1, PHONE)],
        ..TenantParts::default()
    }
}

#[test]
fn a_channel_of_the_async_service_sends_without_a_section() {
    assert_eq!(
        senders_of_phone(with_async()),
        [Ok(LaneId(1)), Ok(LaneId(1))]
    );
    assert_eq!(
        senders_of_phone(TenantParts {
            sms: by(Provider::MGage),
            ..with_async()
        }),
        [Ok(LaneId(1)), Ok(LaneId(1))]
    );
    let silent = sender("chat.a", &json!({ "channelId": PHONE }));
    assert_eq!(
        senders_of_phone(TenantParts {
            senders: vec![silent],
            ..with_async()
        }),
        [Ok(LaneId(1)), Ok(LaneId(1))]
    );
}

#[test]
fn the_section_decides_before_the_service() {
    let chat = sender(
        "chat.a",
        &json!({ "channelId": PHONE, "provider": "Async" }),
    );
    let cxc = sender("cxc.a", &json!({ "channelId": PHONE, "provider": "mGage" }));
    let parts = TenantParts {
        senders: vec![chat, cxc],
        sms: by(Provider::Portico),
        ..with_async()
    };
    assert_eq!(
        senders_of_phone(parts),
        [
            Ok(LaneId(1)),
            Err(CannotSend::NoService(ServiceName::MGageSms))
        ]
    );
}

#[test]
fn the_service_decides_where_the_section_is_silent() {
    let chat = sender("chat.a", &json!({ "channelId": PHONE }));
    let parts = TenantParts {
        senders: vec![chat],
        sms: by(Provider::MGage),
        email: by(Provider::Async),
        ..with_async()
    };
    assert_eq!(
        senders_of_phone(parts)[0],
        Err(CannotSend::NoService(ServiceName::MGageSms))
    );
}

/// With the mGage service, and what its channel's lanes are.
fn with_mgage(lanes: Vec<LaneTarget>) -> TenantParts {
    let documents = Documents {
        url: Some("http://directtext.mgage.com"),
        data: &json!({}),
        secret: &json!({ "username": "nexus", "password": "secret" }),
    };
    let settings = ServiceSettings::parse(ServiceName::MGageSms, documents).unwrap();
    let mut parts = TenantParts {
        senders: vec![sender("chat.a", &json!({ "channelId": PHONE }))],
        sms: by(Provider::MGage),
        lanes,
        ..with_async()
    };
    parts.take(settings, OffsetDateTime::UNIX_EPOCH);
    parts
}

fn lane_of(connector: Provider, number: i64) -> LaneTarget {
    LaneTarget {
        connector: connector.as_str().to_owned(),
        ..lane(number, PHONE)
    }
}

#[test]
fn each_connector_that_is_to_send_for_a_channel_wants_a_lane_once() {
    let phone: ChannelId = PHONE.parse().unwrap();
    let wanting = |lanes| with_mgage(lanes).lanes_wanting();
    let mut both = wanting(vec![]);
    both.sort_by_key(|(provider, _)| provider.as_str());
    assert_eq!(
        both,
        [
            (Provider::Async, phone.clone()),
            (Provider::MGage, phone.clone())
        ]
    );
    assert_eq!(
        wanting(vec![lane_of(Provider::Async, 1)]),
        [(Provider::MGage, phone)]
    );
    let lanes = vec![lane_of(Provider::Async, 1), lane_of(Provider::MGage, 2)];
    assert_eq!(wanting(lanes), []);
    assert_eq!(with_async().lanes_wanting(), []);
}

#[test]
fn a_channel_has_a_lane_for_each_connector_and_each_goes_on_sending_what_is_its() {
    let lanes = vec![lane_of(Provider::Async, 1), lane_of(Provider::MGage, 2)];
    let tenant = Tenant::build(ccid(), with_mgage(lanes));
    let phone: ChannelId = PHONE.parse().unwrap();
    assert_eq!(
        tenant.channel_to_send(&phone, false).unwrap().lane,
        LaneId(2)
    );
    assert_eq!(tenant.third_party(&phone).unwrap().lane, LaneId(1));
    let served: Vec<_> = tenant
        .lanes()
        .map(|(lane, provider, channel)| (lane, provider, channel.unwrap().connector_name()))
        .collect();
    assert_eq!(
        served,
        [
            (LaneId(1), Some(Provider::Async), "Async"),
            (LaneId(2), Some(Provider::MGage), "mGage")
        ]
    );
}

#[test]
fn a_channel_that_only_a_section_names_is_the_vendors() {
    let chat = sender("chat.a", &json!({ "channelId": PHONE }));
    let parts = TenantParts {
        senders: vec![chat],
        ..TenantParts::default()
    };
    assert_eq!(
        senders_of_phone(parts)[0],
        Err(CannotSend::NoService(ServiceName::PorticoSms))
    );
    let chat = sender(
        "chat.a",
        &json!({ "channelId": PHONE, "provider": "Async" }),
    );
    let parts = TenantParts {
        senders: vec![chat],
        ..TenantParts::default()
    };
    assert_eq!(senders_of_phone(parts)[0], Err(CannotSend::NotInAsync));
    assert_eq!(
        senders_of_phone(TenantParts::default())[0],
        Err(CannotSend::UnknownChannel)
    );
}

#[test]
fn inbound_and_agents_use_the_chat_section_and_campaigns_the_other() {
    let chat = sender(
        "chat.a",
        &json!({ "channelId": PHONE, "header:x-team": "chat" }),
    );
    let cxc = sender(
        "cxc.a",
        &json!({ "channelId": PHONE, "header:x-team": "cxc" }),
    );
    let build = |senders| {
        Tenant::build(
            ccid(),
            TenantParts {
                senders,
                ..with_async()
            },
        )
    };
    let team = |tenant: &Tenant, for_campaign| {
        tenant
            .third_party(&PHONE.parse().unwrap())
            .unwrap()
            .custom_headers(for_campaign)
            .first()
            .map(|(_, value)| value.clone())
    };
    let cxc_only = |tenant: &Tenant| {
        tenant
            .third_party(&PHONE.parse().unwrap())
            .unwrap()
            .cxc_only()
    };

    let both = build(vec![Arc::clone(&chat), Arc::clone(&cxc)]);
    assert_eq!(
        (team(&both, false).unwrap(), team(&both, true).unwrap()),
        ("chat".parse().unwrap(), "cxc".parse().unwrap())
    );
    assert!(!cxc_only(&both));
    let campaign_only = build(vec![cxc]);
    assert_eq!(team(&campaign_only, false).unwrap(), "cxc");
    assert!(cxc_only(&campaign_only));
    let none = build(vec![]);
    assert_eq!(team(&none, true), None);
    assert!(!cxc_only(&none));
}

#[test]
fn whatever_a_service_or_section_names_receives_whoever_sends_for_it() {
    let phone: ChannelId = PHONE.parse().unwrap();
    let receives = |parts| {
        let tenant = Tenant::build(ccid(), parts);
        tenant.receiving(&phone).map(|channel| channel.cxc_only)
    };
    assert_eq!(receives(TenantParts::default()), None);
    assert_eq!(receives(with_async()), Some(false));
    for (section, cxc_only) in [("chat.a", false), ("cxc.a", true)] {
        let senders = vec![sender(section, &json!({ "channelId": PHONE }))];
        let parts = TenantParts {
            senders,
            ..TenantParts::default()
        };
        assert_eq!(receives(parts), Some(cxc_only), "{section}");
    }
}

#[test]
fn a_lane_outlives_its_channel() {
    let tenant = Tenant::build(
        ccid(),
        TenantParts {
            lanes: vec![lane(1, PHONE), lane(2, "company.com")],
            ..with_async()
        },
    );
    let lanes: Vec<(LaneId, bool)> = tenant
        .lanes()
        .map(|(lane, _, channel)| (lane, channel.is_some()))
        .collect();
    assert_eq!(lanes, [(LaneId(1), true), (LaneId(2), false)]);
}
