//! Every parser that faces the outside, as a function of bytes that panics where a law of the parser does not hold.
//!
//! The fuzzer calls these, and so does an ordinary test with the seeds beside them.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};
use nexus_gateway::auth::permission::{PermissionPattern, PermissionSet};
use nexus_gateway::auth::signature::{self, SignaturePolicy, Verifier};
use nexus_gateway::connectors::form::BodyShape;
use nexus_gateway::connectors::genesys_cloud;
use nexus_gateway::connectors::http_sms;
use nexus_gateway::connectors::http_sms::settings::HttpSmsSettings;
use nexus_gateway::connectors::http_sms::template::{Names, Stand, Template, Values};
use nexus_gateway::connectors::mail::{self, Words};
use nexus_gateway::connectors::mgage::settings::StatusCodes;
use nexus_gateway::connectors::mgage::{self, receive::Call};
use nexus_gateway::connectors::open_messaging::{self, receive::Brought};
use nexus_gateway::connectors::outcome::Outcome;
use nexus_gateway::connectors::portico::receive::{self as portico, Members};
use nexus_gateway::connectors::portico::send;
use nexus_gateway::connectors::sparkpost::receive as sparkpost;
use nexus_gateway::connectors::third_party::receive as third_party;
use nexus_gateway::connectors::third_party::send::interpret;
use nexus_gateway::connectors::third_party::settings::AsyncSettings;
use nexus_gateway::content::rules::ContentLimits;
use nexus_gateway::events::cursor::Cursor;
use nexus_gateway::media::file_name::FileName;
use nexus_gateway::media::kinds::Kinds;
use nexus_gateway::platform::http::page::{Page, cursor};
use nexus_gateway::platform::http::scan;
use nexus_gateway::platform::outbound::{AddressGuard, Answer, parse_destination};
use nexus_gateway::platform::vault::{MasterKey, SealContext, Vault};
use nexus_gateway::suppressions::keywords::{KeywordSets, TEXT_CHARACTERS_MAX};
use nexus_gateway::values::{Address, Ccid, ChannelId, Secret};

const LIMITS: ContentLimits = ContentLimits {
    parts_max: 20,
    bytes_max: 262_144,
};
const NOW_MS: i64 = 1_795_521_600_000;
const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A parser behind a door of the gateway.
pub type Door = fn(&[u8]);

/// All of them. Seeds are in the folder of the same name.
pub const ALL: &[(&str, Door)] = &[
    ("third_party_body", third_party_body),
    ("aggregation_members", aggregation_members),
    ("signature_headers", signature_headers),
    ("destination_url", destination_url),
    ("webhook_answer", webhook_answer),
    ("mgage_callback", mgage_callback),
    ("mgage_answer", mgage_answer),
    ("genesys_cloud_grant", genesys_cloud_grant),
    ("portico_answer", portico_answer),
    ("agents_call", agents_call),
    ("sparkpost_webhook", sparkpost_webhook),
    ("mail", mail),
    ("http_sms_template", http_sms_template),
    ("http_sms_settings", http_sms_settings),
    ("http_sms_callback", http_sms_callback),
    ("service_settings", service_settings),
    ("permissions", permissions),
    ("cursors", cursors),
    ("media_head", media_head),
    ("addresses", addresses),
    ("keywords", keywords),
    ("sealed_value", sealed_value),
];

/// A signed body of a third party. What passes the scan is stored, so it has no U+0000 anywhere.
fn third_party_body(bytes: &[u8]) {
    let scanned = scan::check(bytes);
    let channel: ChannelId = "16504661149".parse().expect("it is a number");
    let parsed = third_party::parse(&channel, bytes, LIMITS);
    if let Err(faults) = &parsed {
        assert!(!faults.is_empty(), "refused without a reason");
    }
    if scanned.is_ok() {
        assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok());
        if let Ok(messages) = parsed {
            assert!(!messages.is_empty());
            assert!(!format!("{messages:?}").contains("\\0"), "U+0000 got in");
        }
    }
}

/// What SparkPost's webhooks bring.
fn sparkpost_webhook(bytes: &[u8]) {
    if let Ok(batch) = sparkpost::read(bytes) {
        for event in batch.events {
            assert!(event.verdict.is_some() || event.opt_out.is_some());
        }
    }
}

/// A mail as it travels. What is read of it is stored, so it has no U+0000 anywhere.
fn mail(bytes: &[u8]) {
    let Ok(mail) = mail::read(bytes) else { return };
    let texts = mail.texts.iter().map(|words| match words {
        Words::Plain(text) | Words::Html(text) => text.as_str(),
    });
    let names = mail
        .attachments
        .iter()
        .filter_map(|file| file.name.as_deref());
    let others = [
        Some(mail.subject.as_str()),
        mail.id.as_deref(),
        mail.from_name.as_deref(),
    ];
    for text in texts.chain(names).chain(others.into_iter().flatten()) {
        assert!(!text.contains('\0'), "U+0000 got in");
    }
    assert!(mail.attachments.iter().all(|file| !file.bytes.is_empty()));
}

/// A message or receipt of the aggregation service: what is behind the `?`, a line break, and a body whose first letter says
/// whether it is JSON.
fn aggregation_members(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let query = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().map(|body| {
        let is_json = body.first() == Some(&b'{');
        (
            if is_json {
                BodyShape::Json
            } else {
                BodyShape::Form
            },
            body,
        )
    });
    let Ok(members) = Members::read(&query, body) else {
        return;
    };
    if let Err(faults) = portico::receipt(&members) {
        assert!(!faults.is_empty(), "refused without a reason");
    }
    match portico::message(members, LIMITS) {
        Ok(message) => assert!(message.attachments.len() <= LIMITS.parts_max),
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason"),
    }
}

/// Headers, one on each line, up to an empty line, and then a body. A signature opens only where it is the one that we would
/// make ourselves.
fn signature_headers(bytes: &[u8]) {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &[][..]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts
            .next()
            .and_then(|value| HeaderValue::from_bytes(value).ok());
        if let Some((name, value)) = name.zip(value) {
            headers.append(name, value);
        }
    }
    let secrets = [Secret::new("first".to_owned()), Secret::new(String::new())];
    for policy in [
        SignaturePolicy::Either,
        SignaturePolicy::Sha1,
        SignaturePolicy::Sha256,
    ] {
        let Ok(mut verifier) = Verifier::begin(&headers, secrets.iter(), policy) else {
            continue;
        };
        let (begin, end) = body.split_at(body.len() / 2);
        verifier.update(begin);
        verifier.update(end);
        if verifier.finish().is_ok() {
            is_ours(&headers, body, policy);
        }
    }
}

fn is_ours(headers: &HeaderMap, body: &[u8], policy: SignaturePolicy) {
    let given = |name: &HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec());
    let sha1 = given(&signature::SHA1_HEADER);
    let sha256 = given(&signature::SHA256_HEADER);
    assert!(sha1.is_some() || sha256.is_some());
    assert!(policy != SignaturePolicy::Sha256 || sha256.is_some());
    let expected = [
        signature::sign_sha1(b"first", body),
        signature::sign_sha256(b"first", body),
    ];
    for (given, expected) in [sha1, sha256].into_iter().zip(expected) {
        if let Some(given) = given {
            assert!(
                given.eq_ignore_ascii_case(expected.as_bytes()),
                "another signature fitted"
            );
        }
    }
}

/// Where a webhook is sent. What is accepted is read the same again, and is never this machine.
fn destination_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let guard = AddressGuard::new(Vec::new());
    let Ok(url) = guard.check_url(text, false) else {
        return;
    };
    let again = parse_destination(url.as_str()).expect("what was accepted is accepted again");
    assert_eq!(again, url);
    assert!(matches!(url.scheme(), "http" | "https"));
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    if let Ok(address) = bare.parse::<std::net::IpAddr>() {
        assert!(guard.check_ip(address).is_ok(), "{url}");
        assert!(!address.is_loopback() && !address.is_unspecified(), "{url}");
    }
    assert!(
        !host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        "{url}"
    );
}

/// What a third party answers to a webhook. The same answer always means the same.
fn webhook_answer(bytes: &[u8]) {
    let Some(answer) = answer(bytes) else {
        return;
    };
    let said = format!("{:?}", interpret(Ok(answer.clone()), NOW_MS, None));
    assert_eq!(said, format!("{:?}", interpret(Ok(answer), NOW_MS, None)));
}

/// Two bytes of status, a line with `Retry-After`, and the body.
fn answer(bytes: &[u8]) -> Option<Answer> {
    let (status, rest) = bytes.split_first_chunk()?;
    let mut parts = rest.splitn(2, |byte| *byte == b'\n');
    let retry_after = HeaderValue::from_bytes(parts.next()?).ok();
    Some(Answer {
        status: 100 + u16::from_be_bytes(*status) % 900,
        headers: HeaderMap::from_iter(retry_after.map(|value| (RETRY_AFTER, value))),
        body: parts.next().unwrap_or_default().to_vec().into(),
        truncated: rest.len() % 2 == 1,
    })
}

/// A form of DirectTEXT.
fn mgage_callback(bytes: &[u8]) {
    match mgage::receive::read(bytes, &StatusCodes::default(), LIMITS.bytes_max) {
        Ok(Call::Text(text)) => {
            assert!(text.text.len() <= LIMITS.bytes_max);
            assert!(
                !text.text.contains('\0') && !text.message_id.contains('\0'),
                "U+0000 got in"
            );
        }
        Ok(Call::Receipt(receipt)) => {
            assert!(
                !receipt.message_id.contains('\0') && !receipt.code.contains('\0'),
                "U+0000 got in"
            );
        }
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason"),
    }
}

/// What DirectTEXT answers to a text. Nothing but a 200 accepts it.
fn mgage_answer(bytes: &[u8]) {
    let Some(answer) = answer(bytes) else {
        return;
    };
    let status = answer.status;
    let outcome = mgage::send::direct_text(Ok(answer), NOW_MS, None);
    assert!(status == 200 || !matches!(outcome, Outcome::Accepted { .. }));
}

/// What the login host of Genesys Cloud answers. Nothing but a 200 grants a token, and no token is shown.
fn genesys_cloud_grant(bytes: &[u8]) {
    let Some(answer) = answer(bytes) else {
        return;
    };
    let status = answer.status;
    if let Ok(token) = genesys_cloud::read_grant(&answer, NOW_MS) {
        assert_eq!(status, 200);
        assert_eq!(format!("{token:?}"), "Token(********)");
    }
}

/// What Genesys Cloud answers to a message. Nothing but a success accepts it, and nothing slows a lane for over an hour.
fn portico_answer(bytes: &[u8]) {
    let Some(answer) = answer(bytes) else {
        return;
    };
    let status = answer.status;
    if let Some(allowance) = genesys_cloud::allowance(&answer, NOW_MS) {
        assert!(allowance.renewed_after.as_secs() <= 3_600);
    }
    let outcome = send::interpret(Ok(answer), NOW_MS, None);
    assert!((200..300).contains(&status) || !matches!(outcome, Outcome::Accepted { .. }));
}

/// A call of the platform where agents work, and its list of integrations.
fn agents_call(bytes: &[u8]) {
    if let Ok(Brought::Message(message)) = open_messaging::receive::read(bytes) {
        assert!(!message.id.is_empty(), "a message without an id");
        let is_empty = message.text.is_none() && message.attachments.is_empty();
        assert!(!is_empty, "a message of nothing");
    }
    let page = Answer {
        status: 200,
        headers: HeaderMap::new(),
        body: bytes.to_vec().into(),
        truncated: false,
    };
    open_messaging::integration::find(&page, "Nexus", 1);
}

/// A text with placeholders. Whatever is put in their place is not read again, and is written out once for each.
fn http_sms_template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for stand in [
        Stand::Path,
        Stand::Query,
        Stand::Header,
        Stand::Body,
        Stand::Credential,
    ] {
        let mut names = Names::default();
        let Ok(template) = Template::parse(text, stand, &mut names) else {
            continue;
        };
        let values = Values {
            to: "15555550100",
            from: "87767",
            text: "{{to}}",
            id: "1613474523265-0",
            encoding: "gsm7",
            callback_url: Some("https://gateway.example.com/"),
        };
        let written = template.render(&values).expect("everything is known");
        assert_eq!(
            written.matches("{{to}}").count(),
            text.matches("{{text}}").count()
        );
        assert!(stand == Stand::Body || !written.contains("{{"));
    }
}

/// Both documents of an `HttpSms` service, as members of one.
fn http_sms_settings(bytes: &[u8]) {
    if scan::check(bytes).is_err() {
        return;
    }
    let Ok(both) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let read = HttpSmsSettings::parse(Some("https://example.com"), &both["data"], &both["secret"]);
    match read {
        Ok(settings) => {
            let shown = format!("{settings:?}");
            assert!(!shown.contains("hunter2"), "a secret is shown");
        }
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason"),
    }
}

/// What a described provider calls with: a line with what is behind the `?`, and a body whose first letter says whether it is
/// JSON.
fn http_sms_callback(bytes: &[u8]) {
    let document = include_str!("../../../docs/providers/http-sms/infobip.json");
    let document: serde_json::Value = serde_json::from_str(document).expect("it is JSON");
    let (url, data, secret) = (&document["url"], &document["data"], &document["secret"]);
    let settings = HttpSmsSettings::parse(url.as_str(), data, secret).expect("it is documented");
    let mut alone = settings.callbacks.clone();
    alone.items = None;
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let query = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().map(|body| {
        let is_json = matches!(body.first(), Some(b'{' | b'['));
        let shape = if is_json {
            BodyShape::Json
        } else {
            BodyShape::Form
        };
        (shape, body)
    });
    if body.is_some_and(|(shape, body)| shape == BodyShape::Json && scan::check(body).is_err()) {
        return;
    }
    for rules in [&settings.callbacks, &alone] {
        let Ok(call) = http_sms::receive::read(rules, &query, body, LIMITS.bytes_max) else {
            continue;
        };
        for placed in &call.texts {
            assert!(placed.text.text.len() <= LIMITS.bytes_max);
            assert!(!placed.text.text.contains('\0'), "U+0000 got in");
        }
        for receipt in &call.receipts {
            assert!(!receipt.message_id.contains(char::is_control));
            assert!(!receipt.code.contains(char::is_control));
        }
    }
}

/// Both documents of an `Async` service, as members of one.
fn service_settings(bytes: &[u8]) {
    if scan::check(bytes).is_err() {
        return;
    }
    let Ok(both) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    match AsyncSettings::parse(&both["data"], &both["secret"]) {
        Ok(settings) => {
            let shown = format!("{settings:?}");
            assert!(!shown.contains("hunter2"), "a secret is shown");
        }
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason"),
    }
}

/// Permissions, one on each line. What is written is read the same, and no set covers what one of its members would not.
fn permissions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = text.lines().filter_map(|line| {
        let pattern: PermissionPattern = line.parse().ok()?;
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
        assert_eq!(pattern.to_string(), line, "two spellings of one permission");
        Some(pattern)
    });
    let set: PermissionSet = read.collect();
    assert!(set.covers(&set));
    assert!(PermissionSet::everything().covers(&set));
    let patterns = set.patterns();
    let written = patterns.iter().map(|pattern| pattern.parse());
    assert_eq!(written.collect::<Result<PermissionSet, _>>(), Ok(set));
}

/// Where a list or the feed goes on.
fn cursors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let after = |text: &str| {
        let page = Page {
            limit: None,
            cursor: Some(text.to_owned()),
        };
        page.after::<String>().ok().flatten()
    };
    if let Some(key) = after(text) {
        assert!(!key.contains('\0'));
        assert_eq!(after(&cursor(&key)), Some(key));
    }
    assert_eq!(after(&cursor(text)).is_some(), !text.contains('\0'));
    if let Ok(place) = text.parse::<Cursor>() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
}

/// A line with the declared type, one with the file's name, and the beginning of the file.
fn media_head(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || {
        parts
            .next()
            .map(|part| String::from_utf8_lossy(part).into_owned())
    };
    let (declared, name) = (line().unwrap_or_default(), line());
    let head = parts.next().unwrap_or_default();
    let names = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "audio/mpeg",
        "video/mp4",
        "application/pdf",
        "text/plain",
    ];
    let kinds = Kinds::from_names(&names.map(str::to_owned)).expect("they are known");
    for declared in [None, Some(declared.as_str())] {
        if let Ok(kind) = kinds.judge(declared, head) {
            assert!(names.contains(&kind));
            assert_eq!(kinds.judge(Some(kind), head), Ok(kind));
        }
    }
    if let Ok(name) = FileName::parse(name.as_deref()) {
        for shows_inline in [true, false] {
            let header = name.disposition(shows_inline);
            HeaderValue::from_str(&header).expect("a name never breaks its header");
        }
    }
}

/// Addresses of people and channels. What was read is read the same again.
fn addresses(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.as_str().parse(), Ok(address.clone()), "{text:?}");
        assert!(!address.as_str().contains(char::is_control));
    }
    if let Ok(channel) = text.parse::<ChannelId>() {
        assert_eq!(channel.as_str().parse(), Ok(channel.clone()), "{text:?}");
    }
    if let Ok(ccid) = text.parse::<Ccid>() {
        assert_eq!(ccid.to_string().parse(), Ok(ccid));
    }
}

/// What a consumer writes. White space around a keyword makes no difference, up to the longest text that is looked at.
fn keywords(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let sets = KeywordSets::new(&["STOP", "ENDE"], &["START"], &["HELP"]).expect("they differ");
    let keyword = sets.classify(text);
    let surrounded = format!(" {text}\n");
    if surrounded.chars().count() <= TEXT_CHARACTERS_MAX {
        assert_eq!(sets.classify(&surrounded), keyword);
    }
}

/// A stored secret. What we did not seal for its place does not open.
fn sealed_value(bytes: &[u8]) {
    let key = MasterKey::from_base64(MASTER_KEY).expect("it is a key");
    let vault = Vault::new(key);
    let context = SealContext {
        ccid: Ccid::from_uuid(uuid::Uuid::nil()),
        table: "services",
        row: "Async",
    };
    assert!(vault.open(&context, bytes).is_err());
    let sealed = vault.seal(&context, bytes);
    let opened = vault
        .open(&context, &sealed)
        .expect("it was sealed for its place");
    assert_eq!(opened.as_slice(), bytes);
}
