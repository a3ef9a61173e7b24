mod signatures;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::*;

/// The vendor's `Async` example, with its variables filled in.
fn vendor_s_documents() -> (Value, Value) {
    let data = json!({ "channels": [
        { "channelId": "16504661149", "webhook": { "url": "https://genesys-webhook.company.com" } },
        { "channelId": "company.com", "webhook": { "url": "https://genesys-webhook.company.com" } },
    ] });
    let secret = json!({ "channels": [
        { "channelId": "16504661149", "webhook": { "secret": "out" }, "api": { "secret": "in" } },
        { "channelId": "company.com", "webhook": { "secret": "out-2" }, "api": { "secret": "in-2" } },
    ] });
    (data, secret)
}

/// Settings of one channel whose webhook has these members beside its URL.
fn with_webhook(mut members: Value) -> Result<Webhook, Vec<String>> {
    if members.get("url").is_none() {
        members["url"] = json!("https://company.com/hook");
    }
    let data = json!({ "channels": [{ "channelId": "12345", "webhook": members }] });
    let secret = json!({ "channels": [
        { "channelId": "12345", "webhook": { "secret": "out" }, "api": { "secret": "in" } },
    ] });
    let settings = AsyncSettings::parse(&data, &secret).map_err(places)?;
    Ok(settings.channels[0].webhook.clone())
}

/// Settings of one channel with this API secret.
fn with_api_secret(api: &Value) -> Result<ThirdPartyChannel, Vec<SettingsFault>> {
    let data =
        json!({ "channels": [{ "channelId": "12345", "webhook": { "url": "company.com" } }] });
    let secret = json!({ "channels": [
        { "channelId": "12345", "webhook": { "secret": "out" }, "api": { "secret": api } },
    ] });
    AsyncSettings::parse(&data, &secret).map(|settings| settings.channels[0].clone())
}

fn places(faults: Vec<SettingsFault>) -> Vec<String> {
    faults.into_iter().map(|fault| fault.path).collect()
}

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

#[test]
fn the_vendor_s_documents_are_read_with_their_defaults() {
    let (data, secret) = vendor_s_documents();
    let settings = AsyncSettings::parse(&data, &secret).unwrap();
    let [phone, domain] = &settings.channels[..] else {
        panic!("two channels")
    };
    assert_eq!(phone.channel_id.as_str(), "16504661149");
    assert_eq!(domain.channel_id.as_str(), "company.com");
    let webhook = &phone.webhook;
    assert_eq!(webhook.url.as_str(), "https://genesys-webhook.company.com/");
    assert_eq!(webhook.timeout, seconds(10.0));
    assert_eq!(webhook.in_flight_max, None);
    assert_eq!(webhook.rate_per_second, None);
    assert_eq!(webhook.order, Order::Recipient);
    assert_eq!(webhook.retry, None);
    assert_eq!(webhook.signatures, [SignatureScheme::Sha1]);
    assert_eq!(webhook.body_shape, BodyShape::Single);
    assert_eq!(phone.webhook_secrets.signing(0).expose(), "out");
    assert_eq!(phone.api_secrets.signing(0).expose(), "in");
    assert_eq!(domain.api_secrets.signing(0).expose(), "in-2");
}

#[test]
fn every_member_of_a_webhook_is_read() {
    let webhook = with_webhook(json!({
        "url": "company.com:8443/hook?key=1", "timeoutSeconds": 2.5, "maxInFlight": 64, "ratePerSecond": 0.5,
        "order": "none", "retry": { "attempts": 8, "timeoutSeconds": 86_400 },
        "signatures": ["sha256", "sha1"], "bodyShape": "messages",
    }))
    .unwrap();
    assert_eq!(webhook.url.as_str(), "https://company.com:8443/hook?key=1");
    assert_eq!(webhook.timeout, seconds(2.5));
    assert_eq!(webhook.in_flight_max, NonZeroU16::new(64));
    assert_eq!(webhook.rate_per_second, Some(0.5));
    assert_eq!(webhook.order, Order::None);
    let total = seconds(86_400.0);
    assert_eq!(
        webhook.retry,
        Some(RetryRule::Attempts { attempts: 8, total })
    );
    assert_eq!(
        webhook.signatures,
        [SignatureScheme::Sha256, SignatureScheme::Sha1]
    );
    assert_eq!(webhook.body_shape, BodyShape::Messages);

    let scheduled = with_webhook(json!({ "retry": { "scheduleSeconds": [0.5, 5, 30] } })).unwrap();
    let schedule = vec![seconds(0.5), seconds(5.0), seconds(30.0)];
    assert_eq!(scheduled.retry, Some(RetryRule::Schedule(schedule)));
    let never = with_webhook(json!({ "retry": { "scheduleSeconds": [] } })).unwrap();
    assert_eq!(never.retry, Some(RetryRule::Schedule(Vec::new())));
}

#[test]
fn documents_are_joined_on_the_channel_in_any_order_and_spelling() {
    let (data, mut secret) = vendor_s_documents();
    secret["channels"].as_array_mut().unwrap().reverse();
    secret["channels"][1]["channelId"] = json!("+1 650-466-1149");
    secret["channels"][0]["channelId"] = json!("Company.COM");
    let settings = AsyncSettings::parse(&data, &secret).unwrap();
    assert_eq!(
        settings.channels[0].webhook_secrets.signing(0).expose(),
        "out"
    );
    assert_eq!(
        settings.channels[1].webhook_secrets.signing(0).expose(),
        "out-2"
    );
}

#[test]
fn a_channel_without_partner_and_one_that_is_there_twice_are_named() {
    let (data, secret) = vendor_s_documents();
    let refused =
        |data: &Value, secret: &Value| places(AsyncSettings::parse(data, secret).unwrap_err());

    let mut lonely = data.clone();
    lonely["channels"][1]["channelId"] = json!("other.com");
    let both = ["/data/channels/1/channelId", "/secret/channels/1/channelId"];
    assert_eq!(refused(&lonely, &secret), both);

    let nothing = json!({ "channels": [] });
    assert_eq!(
        refused(&nothing, &secret),
        [
            "/secret/channels/0/channelId",
            "/secret/channels/1/channelId"
        ]
    );
    assert!(
        AsyncSettings::parse(&nothing, &nothing)
            .unwrap()
            .channels
            .is_empty()
    );

    let mut twice = data.clone();
    twice["channels"][1]["channelId"] = json!("1-650-466-1149");
    assert_eq!(refused(&twice, &secret), both);
    let mut twice = secret.clone();
    twice["channels"][0]["channelId"] = json!("COMPANY.com");
    assert_eq!(
        refused(&data, &twice),
        ["/secret/channels/1/channelId", "/data/channels/0/channelId"]
    );

    let mut nameless = data.clone();
    nameless["channels"][0]["channelId"] = json!("12");
    assert_eq!(
        refused(&nameless, &secret),
        ["/data/channels/0/channelId", "/secret/channels/0/channelId"]
    );
}

#[test]
fn what_a_webhook_may_not_be_is_named_with_its_place() {
    let cases = [
        (json!({ "url": "" }), "url"),
        (json!({ "url": "ftp://company.com" }), "url"),
        (json!({ "url": "https://user:word@company.com" }), "url"),
        (json!({ "url": 5 }), "url"),
        (json!({ "timeoutSeconds": 0.9 }), "timeoutSeconds"),
        (json!({ "timeoutSeconds": 10.1 }), "timeoutSeconds"),
        (json!({ "timeoutSeconds": "10" }), "timeoutSeconds"),
        (json!({ "maxInFlight": 0 }), "maxInFlight"),
        (json!({ "maxInFlight": 1_001 }), "maxInFlight"),
        (json!({ "maxInFlight": 1.5 }), "maxInFlight"),
        (json!({ "maxInFlight": -1 }), "maxInFlight"),
        (json!({ "ratePerSecond": 0 }), "ratePerSecond"),
        (json!({ "ratePerSecond": 100_001 }), "ratePerSecond"),
        (json!({ "order": "fifo" }), "order"),
        (json!({ "bodyShape": "array" }), "bodyShape"),
        (json!({ "signatures": [] }), "signatures"),
        (json!({ "signatures": ["md5"] }), "signatures"),
        (json!({ "signatures": ["SHA1"] }), "signatures"),
        (json!({ "signatures": ["sha1", "sha1"] }), "signatures"),
        (json!({ "signatures": ["sha1", 1] }), "signatures/1"),
        (json!({ "timeoutSecond": 3 }), "timeoutSecond"),
        (json!({ "secret": "hush" }), "secret"),
    ];
    each_is_named(cases);
}

#[test]
fn what_a_retry_schedule_may_not_be_is_named_with_its_place() {
    let cases = [
        (json!({ "retry": {} }), "retry"),
        (json!({ "retry": { "attempts": 3 } }), "retry"),
        (json!({ "retry": { "timeoutSeconds": 3 } }), "retry"),
        (
            json!({ "retry": { "attempts": 3, "timeoutSeconds": 9, "scheduleSeconds": [1] } }),
            "retry",
        ),
        (
            json!({ "retry": { "attempts": 51, "timeoutSeconds": 9 } }),
            "retry/attempts",
        ),
        (
            json!({ "retry": { "attempts": 3, "timeoutSeconds": -1 } }),
            "retry/timeoutSeconds",
        ),
        (
            json!({ "retry": { "attempts": 3, "timeoutSeconds": 1e300 } }),
            "retry/timeoutSeconds",
        ),
        (
            json!({ "retry": { "scheduleSeconds": [1, -1] } }),
            "retry/scheduleSeconds/1",
        ),
        (
            json!({ "retry": { "scheduleSeconds": vec![1; 51] } }),
            "retry/scheduleSeconds",
        ),
        (json!({ "retry": { "tries": 3 } }), "retry/tries"),
        (json!({ "retry": [3, 9, null] }), "retry"),
    ];
    each_is_named(cases);
}

/// Each of these members of a webhook is refused at its place.
fn each_is_named(cases: impl IntoIterator<Item = (Value, &'static str)>) {
    for (members, place) in cases {
        let expected = format!("/data/channels/0/webhook/{place}");
        assert_eq!(
            with_webhook(members.clone()).unwrap_err(),
            [expected],
            "{members}"
        );
    }
}

#[test]
fn several_faults_are_named_together() {
    let faults = with_webhook(json!({ "order": "x", "bodyShape": "x", "timeoutSeconds": 99 }));
    let expected = ["timeoutSeconds", "order", "bodyShape"];
    assert_eq!(
        faults.unwrap_err(),
        expected.map(|member| format!("/data/channels/0/webhook/{member}"))
    );
}

#[test]
fn members_that_are_missing_or_unknown_are_named() {
    let (data, secret) = vendor_s_documents();
    let refused = |data: &Value, secret: &Value| {
        let faults = AsyncSettings::parse(data, secret).unwrap_err();
        faults
            .into_iter()
            .map(|fault| format!("{} {}", fault.path, fault.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        refused(&json!({}), &json!({})),
        [
            "/data missing member `channels`",
            "/secret missing member `channels`"
        ]
    );
    assert_eq!(
        refused(&json!([data["channels"]]), &secret),
        ["/data has the wrong kind of value"]
    );
    let positional = json!({ "channels": [["12345", { "url": "company.com" }]] });
    assert_eq!(
        refused(&positional, &secret),
        ["/data/channels/0 has the wrong kind of value"]
    );
    let mut keyless = secret.clone();
    keyless["channels"][1]
        .as_object_mut()
        .unwrap()
        .remove("api");
    assert_eq!(
        refused(&data, &keyless),
        ["/secret/channels/1 missing member `api`"]
    );
    let mut typo = data.clone();
    typo["channels"][1]["web/hook"] = json!({});
    let faults = refused(&typo, &secret);
    assert!(
        faults[0].starts_with("/data/channels/1/web~1hook unknown member `web/hook`"),
        "{faults:?}"
    );
}

#[test]
fn a_secret_is_a_string_or_a_dated_list() {
    let end = OffsetDateTime::parse("2026-12-01T00:00:00Z", &Rfc3339).unwrap();
    let end_ms = end.unix_timestamp() * 1_000;
    let rotating =
        json!([{ "value": "new" }, { "value": "old", "notAfter": "2026-12-01T01:00:00+01:00" }]);
    let secrets = with_api_secret(&rotating).unwrap().api_secrets;
    let in_force = |now_ms| {
        secrets
            .in_force(now_ms)
            .map(|secret| secret.expose().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(in_force(end_ms), ["new", "old"]);
    assert_eq!(in_force(end_ms + 1), ["new"]);
    assert_eq!(secrets.signing(end_ms + 1).expose(), "new");

    let ended = json!([{ "value": "old", "notAfter": "2026-12-01T00:00:00Z" }]);
    let secrets = with_api_secret(&ended).unwrap().api_secrets;
    assert_eq!(secrets.in_force(end_ms + 1).count(), 0);
    assert_eq!(secrets.signing(end_ms + 1).expose(), "old");
}

#[test]
fn what_a_secret_may_not_be_is_named_and_never_shown() {
    let cases = [
        (json!(""), ""),
        (json!("hush".repeat(257)), ""),
        (json!(["hush"]), "/0"),
        (json!([]), ""),
        (json!({ "value": "hush" }), ""),
        (json!(5), ""),
        (json!([{ "value": "" }]), "/0/value"),
        (
            json!([{ "value": "hush" }, { "notAfter": "2026-12-01T00:00:00Z" }]),
            "/1",
        ),
        (
            json!([{ "value": "hush", "notAfter": "hush" }]),
            "/0/notAfter",
        ),
        (json!([{ "value": ["hush"] }]), "/0/value"),
        (json!([{ "value": "hush", "until": "hush" }]), "/0/until"),
        (json!(vec![json!({ "value": "hush" }); 11]), ""),
    ];
    for (api, place) in cases {
        let faults = with_api_secret(&api).unwrap_err();
        assert!(
            faults.iter().all(|fault| !fault.message.contains("hush")),
            "{faults:?}"
        );
        assert_eq!(
            places(faults),
            [format!("/secret/channels/0/api/secret{place}")],
            "{api}"
        );
    }
    let (data, mut secret) = vendor_s_documents();
    for api in [json!("hush"), json!(["hush"])] {
        secret["channels"][0]["api"] = api;
        let faults = AsyncSettings::parse(&data, &secret).unwrap_err();
        assert!(!faults[0].message.contains("hush"));
        assert_eq!(places(faults), ["/secret/channels/0/api"]);
    }
}

#[test]
fn destinations_are_checked_against_the_guard() {
    let (mut data, secret) = vendor_s_documents();
    data["channels"][1]["webhook"]["url"] = json!("http://127.1/hook");
    let settings = AsyncSettings::parse(&data, &secret).unwrap();
    let public_only = AddressGuard::new(Vec::new());
    let faults = settings
        .check_destinations(&public_only, false)
        .unwrap_err();
    assert_eq!(places(faults), ["/data/channels/1/webhook/url"]);
    let with_loopback = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()]);
    assert_eq!(settings.check_destinations(&with_loopback, false), Ok(()));
    let faults = settings
        .check_destinations(&with_loopback, true)
        .unwrap_err();
    assert_eq!(places(faults), ["/data/channels/1/webhook/url"]);
}

#[test]
fn printing_settings_shows_no_secret_and_no_path() {
    let (mut data, secret) = vendor_s_documents();
    data["channels"][0]["webhook"]["url"] = json!("https://company.com/token-hush?key=hush");
    let settings = AsyncSettings::parse(&data, &secret).unwrap();
    let printed = format!("{settings:?}");
    assert!(printed.contains("company.com"));
    assert!(!printed.contains("hush") && !printed.contains("out-2") && !printed.contains("in-2"));
}
