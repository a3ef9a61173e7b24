//! The table of every place of the API where a URL enters, and the tests that there is no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nexus_gateway::router;
use serde_json::{Value, json};

use crate::harness::tenant::PHONE;

/// One place where somebody says where we shall connect.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    pub name: &'static str,
    /// The service that is saved.
    pub service: &'static str,
    /// The service with this URL or host in the door's place.
    pub with: fn(&str) -> Value,
    /// Where a fault is found in it.
    pub place: &'static str,
    /// Whether only a host is taken, and connected to under another name.
    pub host_alone: bool,
    /// The file that reads it.
    read_in: &'static str,
}

const DOCUMENT: &str = "src/connectors/document.rs";

/// Every door. A service is also saved by an import.
pub const DOORS: &[Door] = &[
    Door {
        name: "the webhook of a channel",
        service: "Async",
        with: |url| webhooks(&[url.to_owned()]),
        place: "/data/channels/0/webhook/url",
        host_alone: false,
        read_in: "src/connectors/third_party/settings/rules.rs",
    },
    Door {
        name: "Kaleyra's API",
        service: "mGageSMS",
        with: |url| json!({ "url": url, "data": {}, "secret": { "username": "u", "password": "p" } }),
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "SparkPost's API",
        service: "SparkPostEmail",
        with: |url| json!({ "url": url, "data": {}, "secret": { "apikey": "k" } }),
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "an API that is described",
        service: "HttpSms",
        with: |url| {
            let send = json!({ "form": { "to": "{{to}}", "text": "{{text}}" } });
            json!({ "url": url, "data": { "send": send }, "secret": {} })
        },
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "where the aggregation service's tokens come from",
        service: "PurecloudIDP",
        with: |url| json!({ "url": url, "data": {}, "secret": { "clientId": "i", "clientSecret": "s" } }),
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "the aggregation service for SMS",
        service: "PorticoSMS",
        with: |url| json!({ "url": url, "data": {}, "secret": {} }),
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "the aggregation service for email",
        service: "PorticoEmail",
        with: |url| json!({ "url": url, "data": {}, "secret": {} }),
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "the agents' API",
        service: "OpenMessaging",
        with: |url| {
            agents(
                url,
                &json!({ "host": "mypurecloud.de", "integrationId": "i" }),
            )
        },
        place: "/url",
        host_alone: false,
        read_in: DOCUMENT,
    },
    Door {
        name: "where the agents' tokens come from",
        service: "OpenMessaging",
        with: |url| {
            agents(
                "api.mypurecloud.de",
                &json!({ "loginUrl": url, "integrationId": "i" }),
            )
        },
        place: "/data/loginUrl",
        host_alone: false,
        read_in: "src/connectors/open_messaging/settings.rs",
    },
    Door {
        name: "the region that the agents' tokens come from",
        service: "OpenMessaging",
        with: |host| {
            agents(
                "api.mypurecloud.de",
                &json!({ "host": host, "integrationId": "i" }),
            )
        },
        place: "/data/host",
        host_alone: true,
        read_in: "src/connectors/open_messaging/settings.rs",
    },
];

/// Members of the document that look like a URL, and what becomes of one.
const MEMBERS: &[(&str, &str)] = &[
    (
        "ContentPart/url",
        "is handed on to whoever gets the message, and never fetched",
    ),
    ("Media/url", "is said by us"),
    ("Service/callbackUrl", "ours, and only shown"),
    ("Service/url", "is said by us"),
    ("ServiceDefinition/url", "is a door of each service"),
    ("TenantDocumentService/url", "is a door of each service"),
];

/// An `Async` service with one channel for each of these webhooks: +16504661149, +165046611490, ...
pub fn webhooks(urls: &[String]) -> Value {
    let (data, secret): (Vec<Value>, Vec<Value>) = (0..)
        .zip(urls)
        .map(|(number, url)| {
            let id = channel_id(number);
            let data = json!({ "channelId": id, "webhook": { "url": url, "timeoutSeconds": 10 } });
            let of = json!({ "secret": "hush" });
            (data, json!({ "channelId": id, "webhook": of, "api": of }))
        })
        .unzip();
    json!({ "data": { "channels": data }, "secret": { "channels": secret } })
}

/// The channel of the webhook with this number.
pub fn channel_id(number: usize) -> String {
    format!("{PHONE}{number:03}")
}

/// The same service within the document of a whole tenant.
pub fn imported(ccid: &str, service: &str, mut definition: Value) -> Value {
    definition["name"] = json!(service);
    json!({ "ccid": ccid, "services": [definition], "senders": [] })
}

fn agents(url: &str, data: &Value) -> Value {
    let secret = json!({ "clientId": "i", "clientSecret": "s", "webhookSecret": "w" });
    json!({ "url": url, "data": data, "secret": secret })
}

#[test]
fn every_member_of_the_document_that_looks_like_a_url_is_accounted_for() {
    let document = router::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let found: BTreeSet<String> = schemas
        .iter()
        .flat_map(|(schema, described)| {
            let members = described["properties"].as_object().into_iter().flatten();
            members.filter_map(move |(member, kind)| {
                let format = kind["format"].as_str().unwrap_or_default();
                let is_url = ["url", "uri", "link", "callback", "endpointaddress"]
                    .iter()
                    .any(|word| member.to_lowercase().contains(word) || format.contains(word));
                is_url.then(|| format!("{schema}/{member}"))
            })
        })
        .collect();
    let known = MEMBERS.iter().map(|(member, _)| (*member).to_owned());
    assert_eq!(found, known.collect());
}

#[test]
fn every_file_that_reads_a_destination_is_a_door() {
    let mut found = BTreeSet::new();
    files_that_read_destinations(Path::new("src"), &mut found);
    let known = DOORS.iter().map(|door| door.read_in.to_owned());
    assert_eq!(found, known.collect());
}

/// Outside the module that owns them: nobody else makes a URL of a text.
fn files_that_read_destinations(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.ends_with("platform/outbound") || path.ends_with("src/simulator") {
            continue;
        }
        if path.is_dir() {
            files_that_read_destinations(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let reads = [
                "parse_destination(",
                "Url::parse(",
                "parse::<Url>(",
                "Url::from_str(",
            ];
            if reads.iter().any(|call| text.contains(call)) {
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
    }
}

#[test]
fn every_service_that_is_reached_under_a_url_is_a_door() {
    let named: BTreeSet<&str> = DOORS.iter().map(|door| door.service).collect();
    let model = fs::read_to_string("src/provisioning/services/settings.rs").unwrap();
    let checked = model.split("fn check_destinations").nth(1).unwrap();
    let checked = checked.split("fn faults_of").next().unwrap();
    let variants: BTreeSet<&str> = checked
        .split("Self::")
        .skip(1)
        .filter_map(|rest| rest.split('(').next())
        .collect();
    // `Sms` and `Email` choose a provider and are reached nowhere.
    assert_eq!(variants.len(), named.len() + 2, "{variants:?}");
}
