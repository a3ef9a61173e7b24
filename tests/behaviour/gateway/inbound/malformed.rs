//! What is outside of the set of signatures that docs/signatures.md describes: each is refused, with one answer for all.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nexus_gateway::auth::signature::{sign_sha1, sign_sha256};
use nexus_gateway::simulator::text_message;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{post, stored};
use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, Tenant};

const SHA1: &str = "x-hub-signature";
const SHA256: &str = "x-hub-signature-256";

/// A header with its bytes.
type Given = (&'static str, Vec<u8>);

/// One way of not signing, in words.
struct Case {
    what: String,
    headers: Vec<Given>,
    body: Vec<u8>,
}

/// The right signatures of a body, to be bent.
struct Right {
    key: Vec<u8>,
    body: Vec<u8>,
    sha1: String,
    sha256: String,
}

impl Right {
    fn of(tenant: &Tenant) -> Self {
        let key = tenant.third_party.api_secret.as_bytes().to_vec();
        let message = text_message(CONSUMER, PHONE, "m-1", "Grüße");
        let body = json!({ "messages": [message] }).to_string().into_bytes();
        Self {
            sha1: sign_sha1(&key, &body),
            sha256: sign_sha256(&key, &body),
            key,
            body,
        }
    }

    fn case(&self, what: &str, headers: &[(&'static str, &str)]) -> Case {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes().to_vec()));
        Case {
            what: what.to_owned(),
            headers: headers.collect(),
            body: self.body.clone(),
        }
    }

    /// Spellings of one header's value.
    fn spelled_wrongly(&self) -> Vec<Case> {
        let digits = &self.sha1["sha1=".len()..];
        let raw = hex::decode(digits).unwrap();
        let (first, rest) = digits.split_at(1);
        let right = &self.sha1;
        let spellings = [
            digits.to_owned(),
            format!("SHA1={digits}"),
            format!("Sha1={digits}"),
            format!("sha1 ={digits}"),
            format!("sha1= {digits}"),
            format!("sha1:{digits}"),
            format!("sha-1={digits}"),
            format!("sha1=={digits}"),
            format!("={digits}"),
            format!("sha1=sha1={digits}"),
            format!("hmac-sha1={digits}"),
            format!("sha256={digits}"),
            format!("sha512={digits}"),
            format!("md5={digits}"),
            format!("v1={digits}"),
            format!("t=1795521600,v1={digits}"),
            "sha1=".to_owned(),
            "sha1".to_owned(),
            String::new(),
            right[..right.len() - 1].to_owned(),
            right[..right.len() - 2].to_owned(),
            format!("sha1={rest}"),
            format!("{right}0"),
            format!("{right}00"),
            format!("sha1={first} {rest}"),
            format!("sha1={first}\t{rest}"),
            format!("sha1=0x{digits}"),
            format!("\"{right}\""),
            format!("sha1=\"{digits}\""),
            format!("{right},"),
            format!("{right};"),
            format!("{right}, {right}"),
            format!("{right},{}", self.sha256),
            format!("{right};{}", self.sha256),
            format!("{right} {right}"),
            format!("sha1=g{rest}"),
            format!("sha1=%{:02x}{rest}", first.as_bytes()[0]),
            format!("sha1={}", digits.chars().rev().collect::<String>()),
            format!("sha1={}", "0".repeat(40)),
            format!("sha1={}", "f".repeat(40)),
            format!("sha1={}", STANDARD.encode(&raw)),
            format!("sha1={}", URL_SAFE_NO_PAD.encode(&raw)),
            STANDARD.encode(&raw),
            format!("sha1={}", full_width(digits)),
            self.sha256.clone(),
        ];
        self.each_in(SHA1, &spellings)
    }

    /// The same of the other header.
    fn spelled_wrongly_256(&self) -> Vec<Case> {
        let digits = &self.sha256["sha256=".len()..];
        let raw = hex::decode(digits).unwrap();
        let spellings = [
            digits.to_owned(),
            format!("SHA256={digits}"),
            format!("sha-256={digits}"),
            format!("sha256={}", STANDARD.encode(raw)),
            format!("sha256={}", &digits[..40]),
            format!("sha256={}{}", &self.sha1["sha1=".len()..], "0".repeat(24)),
            format!("{}00", self.sha256),
            String::new(),
            self.sha1.clone(),
        ];
        self.each_in(SHA256, &spellings)
    }

    fn each_in(&self, name: &'static str, values: &[String]) -> Vec<Case> {
        let case = |value: &String| self.case(&format!("{name}: {value:?}"), &[(name, value)]);
        values.iter().map(case).collect()
    }

    /// Headers that are missing, doubled, at odds, or others.
    fn in_wrong_headers(&self) -> Vec<Case> {
        let (right, right_256) = (self.sha1.as_str(), self.sha256.as_str());
        let wrong = sign_sha1(b"wrong", &self.body);
        let wrong_256 = sign_sha256(b"wrong", &self.body);
        [
            vec![],
            vec![(SHA1, right), (SHA1, right)],
            vec![(SHA1, right), (SHA1, &wrong)],
            vec![(SHA1, &wrong), (SHA1, right)],
            vec![(SHA256, right_256), (SHA256, right_256)],
            vec![(SHA1, right), (SHA256, &wrong_256)],
            vec![(SHA1, &wrong), (SHA256, right_256)],
            vec![(SHA1, right), (SHA256, "")],
            vec![(SHA1, ""), (SHA256, right_256)],
            vec![(SHA1, right), (SHA256, right)],
            vec![(SHA1, right_256), (SHA256, right)],
            vec![("authorization", right)],
            vec![("x-signature", right)],
            vec![("x-hub-signature-1", right)],
            vec![("x-hub-signature-512", right_256)],
            vec![("x-hub_signature", right)],
            vec![("x-goog-signature", right)],
            vec![
                ("webhook-id", "1-0"),
                ("webhook-timestamp", "1"),
                ("webhook-signature", right),
            ],
        ]
        .iter()
        .map(|headers| self.case(&format!("{headers:?}"), headers))
        .collect()
    }

    /// Signatures of this body with keys that are not the channel's.
    fn with_wrong_keys(&self, others: &[&str]) -> Vec<Case> {
        let own = String::from_utf8(self.key.clone()).unwrap();
        let near = [
            String::new(),
            format!("{own}\n"),
            format!(" {own}"),
            format!("{own}\0more"),
            own.to_uppercase(),
            own[..own.len() - 1].to_owned(),
            hex::encode(&own),
            STANDARD.encode(&own),
            format!("\"{own}\""),
            format!("whsec_{}", STANDARD.encode(&own)),
        ];
        let others = others.iter().map(|other| (*other).to_owned());
        near.into_iter()
            .chain(others)
            .flat_map(|key| {
                let key = key.as_bytes();
                let sha1 = sign_sha1(key, &self.body);
                let sha256 = sign_sha256(key, &self.body);
                let what = format!("signed with {:?}", String::from_utf8_lossy(key));
                [
                    self.case(&what, &[(SHA1, &sha1)]),
                    self.case(&what, &[(SHA256, &sha256)]),
                ]
            })
            .collect()
    }

    /// Bodies that say the same, or nearly, in other bytes.
    fn over_other_bytes(&self) -> Vec<Case> {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin1 = text.chars().map(|letter| u8::try_from(letter).unwrap());
        let bodies: [(&str, Vec<u8>); 16] = [
            ("a line break behind it", format!("{text}\n").into()),
            ("a space before it", format!(" {text}").into()),
            ("a byte order mark", format!("\u{feff}{text}").into()),
            (
                "without its last byte",
                self.body[..self.body.len() - 1].to_vec(),
            ),
            ("nothing", Vec::new()),
            ("twice", format!("{text}{text}").into()),
            (
                "written prettily",
                serde_json::to_vec_pretty(&value).unwrap(),
            ),
            ("escaped", text.replace('ü', "\\u00fc").into()),
            (
                "with an escaped slash",
                text.replace("\"Text\"", "\"\\u0054ext\"").into(),
            ),
            ("with one letter changed", text.replace("Gr", "gr").into()),
            (
                "with a further member",
                text.replacen('{', "{\"more\":1,", 1).into(),
            ),
            ("in UTF-16", utf16),
            ("in Latin-1", latin1.collect()),
            ("in base64", STANDARD.encode(&self.body).into()),
            ("as a form", format!("body={text}").into()),
            ("decomposed", text.replace('ü', "u\u{308}").into()),
        ];
        bodies
            .into_iter()
            .map(|(what, body)| Case {
                body,
                ..self.case(what, &[(SHA1, &self.sha1), (SHA256, &self.sha256)])
            })
            .collect()
    }
}

fn full_width(digits: &str) -> String {
    digits
        .chars()
        .map(|digit| match digit {
            '0'..='9' => char::from_u32(u32::from(digit) + 0xfee0).unwrap(),
            other => other,
        })
        .collect()
}

async fn try_on(tenant: &Tenant, channel_id: &str, case: &Case) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    for (name, value) in &case.headers {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    let path = format!("/nexus/v3/channels/{channel_id}/messages");
    let reply = post(tenant, &path, headers, case.body.clone()).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn more_than_sixty_ways_of_signing_wrongly_have_one_answer() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let right = Right::of(&tenant);
    let ccid = tenant.ccid.to_string();
    let others = [
        WEBHOOK_SECRET,
        &neighbour.third_party.api_secret,
        &tenant.key,
        &ccid,
        PHONE,
    ];
    let cases: Vec<Case> = [
        right.spelled_wrongly(),
        right.spelled_wrongly_256(),
        right.in_wrong_headers(),
        right.with_wrong_keys(&others),
        right.over_other_bytes(),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(cases.len() > 100, "{}", cases.len());
    let unknown_channel = right.case("", &[(SHA1, &right.sha1)]);
    let expected = try_on(&tenant, OTHER_PHONE, &unknown_channel).await;
    assert_eq!(expected.0, 401);
    for case in &cases {
        assert_eq!(
            try_on(&tenant, PHONE, case).await,
            expected,
            "{}",
            case.what
        );
    }
    assert!(stored(&tenant).await.is_empty());

    let fine = right.case("", &[(SHA1, &right.sha1), (SHA256, &right.sha256)]);
    assert_eq!(try_on(&tenant, PHONE, &fine).await.0, 200);
}

#[tokio::test]
async fn a_body_signed_for_one_channel_is_refused_on_another_that_has_the_same_secret() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.with_second_channel(&gateway).await;
    let right = Right::of(&tenant);
    let receipt = json!({ "messages": [{
        "channel": { "from": { "id": PHONE }, "to": { "id": CONSUMER }, "messageId": "sent" },
        "type": "Receipt", "status": "Failed",
    }] })
    .to_string()
    .into_bytes();
    let sha1 = sign_sha1(&right.key, &receipt);
    let receipt = Case {
        body: receipt,
        ..right.case("a receipt", &[(SHA1, &sha1)])
    };
    let message = right.case("a message", &[(SHA1, &right.sha1)]);
    let neighbour = gateway.tenant().await;
    for case in [&message, &receipt] {
        let (status, answer) = try_on(&tenant, OTHER_PHONE, case).await;
        assert_eq!(status, 400, "{}: {answer}", case.what);
        assert_eq!(
            try_on(&neighbour, PHONE, case).await.0,
            401,
            "{}",
            case.what
        );
    }
    assert!(stored(&tenant).await.is_empty());
    assert!(stored(&neighbour).await.is_empty());
    for case in [&message, &receipt] {
        assert_eq!(try_on(&tenant, PHONE, case).await.0, 200, "{}", case.what);
    }
}
