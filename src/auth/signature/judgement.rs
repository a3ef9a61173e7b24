//! What is right and what is wrong about the signatures of a body, for whoever checks a receiver's or a sender's code.
//!
//! Whoever is not told what a signature should be learns of one that is wrong only that it is, and which of the usual
//! mistakes made it: to make a right one takes the secret all the same.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::standard_webhooks::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookKey};
use super::{SHA1_HEADER, SHA256_HEADER, keyed, only, sign_sha1, sign_sha256};
use crate::values::Secret;

/// How far apart the clocks of both sides may be for the libraries of Standard Webhooks, in seconds.
const TOLERANCE_SECONDS: u64 = 300;

/// A body with its headers and whose secrets they are to be held against.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub secrets: &'a [Secret],
    pub now_seconds: i64,
}

/// What is to be said of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub scheme: &'static str,
    pub header: &'static str,
    pub is_right: bool,
    pub why: String,
    /// What the header should say, by the first secret. Only for who knows that.
    pub expected: Option<String>,
}

/// One of the two schemes that name themselves in their value.
struct Hub {
    scheme: &'static str,
    header: HeaderName,
    shown: &'static str,
    sign: fn(&[u8], &[u8]) -> String,
    /// The digest alone.
    digest: fn(&[u8], &[u8]) -> Vec<u8>,
    /// That of the other scheme.
    other: fn(&[u8], &[u8]) -> Vec<u8>,
}

/// Judges every signature that is there.
pub fn judge(signed: Signed<'_>) -> Vec<Judged> {
    let hubs = [
        Hub {
            scheme: "sha1",
            header: SHA1_HEADER,
            shown: "X-Hub-Signature",
            sign: sign_sha1,
            digest: sha1,
            other: sha256,
        },
        Hub {
            scheme: "sha256",
            header: SHA256_HEADER,
            shown: "X-Hub-Signature-256",
            sign: sign_sha256,
            digest: sha256,
            other: sha1,
        },
    ];
    let mut judged: Vec<Judged> = hubs
        .iter()
        .filter(|hub| signed.headers.contains_key(&hub.header))
        .map(|hub| hub.judge(signed))
        .collect();
    let standard = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];
    if standard
        .iter()
        .any(|name| signed.headers.contains_key(name))
    {
        judged.push(judge_standard(signed));
    }
    judged
}

impl Hub {
    fn judge(&self, signed: Signed<'_>) -> Judged {
        let Signed { body, secrets, .. } = signed;
        let expected = secrets
            .first()
            .map(|secret| (self.sign)(secret.expose().as_bytes(), body));
        let judged = |is_right, why: &str| Judged {
            scheme: self.scheme,
            header: self.shown,
            is_right,
            why: why.to_owned(),
            expected: expected.clone(),
        };
        let Ok(Some(given)) = only(signed.headers, &self.header) else {
            return judged(false, "the header is there more than once");
        };
        let keys = secrets.iter().map(|secret| secret.expose().as_bytes());
        let is_right = |key: &[u8]| {
            let (scheme, digits) = given.split_at(given.len().min(self.scheme.len() + 1));
            let right = (self.sign)(key, body);
            let lower = digits.to_ascii_lowercase();
            !key.is_empty() && equal(&[scheme, &lower].concat(), right.as_bytes())
        };
        if keys.clone().any(is_right) {
            return judged(true, "it is the signature of this body");
        }
        let mistakes = keys.flat_map(|key| self.mistakes(key, body));
        let mut met = mistakes.filter(|(made, _)| equal(given, made.as_bytes()));
        match met.next() {
            Some((_, why)) => judged(false, why),
            None if given.starts_with(format!("{}=", self.scheme).as_bytes()) => {
                judged(false, "no secret gives this signature for this body")
            }
            None => judged(false, "it does not begin with the name of its scheme and ="),
        }
    }

    /// What comes of the usual mistakes.
    fn mistakes(&self, key: &[u8], body: &[u8]) -> Vec<(String, &'static str)> {
        let digest = (self.digest)(key, body);
        let scheme = self.scheme;
        let value = |digest: &[u8]| format!("{scheme}={}", hex::encode(digest));
        let mut made = vec![
            (
                hex::encode(&digest),
                "the name of the scheme and = are missing in front of it",
            ),
            (
                value(&digest).to_uppercase(),
                "the name of the scheme has to be in lower case",
            ),
            (
                format!("{scheme}={}", BASE64_STANDARD.encode(&digest)),
                "the digest is in Base64, and has to be hexadecimal",
            ),
            (
                BASE64_STANDARD.encode(&digest),
                "the digest is in Base64, and has to be hexadecimal",
            ),
            (
                value(&(self.other)(key, body)),
                "it was made with the hash of the other header",
            ),
        ];
        for (other, why) in other_bodies(body) {
            made.push((value(&(self.digest)(key, &other)), why));
        }
        for (other, why) in other_keys(key) {
            made.push((value(&(self.digest)(&other, body)), why));
        }
        made
    }
}

fn judge_standard(signed: Signed<'_>) -> Judged {
    let keys: Vec<WebhookKey> = signed
        .secrets
        .iter()
        .filter_map(|secret| WebhookKey::read(secret).ok())
        .collect();
    let mut judged = Judged {
        scheme: "standard-webhooks",
        header: "webhook-signature",
        is_right: false,
        why: String::new(),
        expected: None,
    };
    let text = |name: &HeaderName| {
        let value = only(signed.headers, name).ok().flatten()?;
        str::from_utf8(value).ok()
    };
    let (id, timestamp) = (text(&ID_HEADER), text(&TIMESTAMP_HEADER));
    let (Some(id), Some(timestamp), Some(given)) = (id, timestamp, text(&SIGNATURE_HEADER)) else {
        "webhook-id, webhook-timestamp and webhook-signature each have to be there once"
            .clone_into(&mut judged.why);
        return judged;
    };
    let Ok(timestamp) = timestamp.parse::<i64>() else {
        "webhook-timestamp has to be a number of seconds since 1970".clone_into(&mut judged.why);
        return judged;
    };
    judged.expected = keys.first().map(|key| key.sign(id, timestamp, signed.body));
    let given: Vec<&str> = given.split(' ').collect();
    let is_among = |made: &str| {
        given
            .iter()
            .any(|one| equal(one.as_bytes(), made.as_bytes()))
    };
    judged.is_right = keys
        .iter()
        .any(|key| is_among(&key.sign(id, timestamp, signed.body)));
    let age = signed.now_seconds.abs_diff(timestamp);
    judged.why = if judged.is_right && age > TOLERANCE_SECONDS {
        format!(
            "it is the signature of this body; made {age} seconds ago, it is refused by whoever allows {TOLERANCE_SECONDS}"
        )
    } else if judged.is_right {
        "it is the signature of this body".to_owned()
    } else if keys.is_empty() {
        "the secret is not whsec_ and Base64".to_owned()
    } else {
        let texts = signed.secrets.iter().map(Secret::expose);
        let mistakes = texts.flat_map(|text| standard_mistakes(text, (id, timestamp), signed.body));
        let mut met = mistakes.filter(|(made, _)| is_among(made));
        let why = met.next().map(|(_, why)| why);
        why.unwrap_or("no secret gives this signature for this id, time and body")
            .to_owned()
    };
    judged
}

/// What comes of the usual mistakes.
fn standard_mistakes(
    secret: &str,
    (id, timestamp): (&str, i64),
    body: &[u8],
) -> Vec<(String, &'static str)> {
    let Ok(key) = WebhookKey::read(&Secret::new(secret.to_owned())) else {
        return Vec::new();
    };
    let v1 = |digest: Vec<u8>| format!("v1,{}", BASE64_STANDARD.encode(digest));
    let whole = [id.as_bytes(), timestamp.to_string().as_bytes(), body].join(&b'.');
    let right = key.sign(id, timestamp, body);
    let mut made = vec![
        (
            v1(sha256(secret.as_bytes(), &whole)),
            "the key is what whsec_ is followed by, decoded from Base64",
        ),
        (
            right["v1,".len()..].to_owned(),
            "v1, is missing in front of it",
        ),
    ];
    for (other, why) in other_keys(secret.as_bytes()) {
        if why == DECODED {
            made.push((
                v1(sha256(&other, body)),
                "it covers webhook-id, a full stop, webhook-timestamp, a full stop and the body, not the body alone",
            ));
            let digest = hex::encode(sha256(&other, &whole));
            made.push((
                format!("v1,{digest}"),
                "the digest is hexadecimal, and has to be in Base64",
            ));
        }
    }
    for (other, why) in other_bodies(body) {
        made.push((key.sign(id, timestamp, &other), why));
    }
    made
}

/// Bodies that are taken for the one that was sent.
fn other_bodies(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let mut others = vec![
        (
            body.trim_ascii_end().to_vec(),
            "it is that of the body without the white space at its end",
        ),
        (
            [body, b"\n"].concat(),
            "it is that of the body with a line break behind it",
        ),
        (Vec::new(), "it is that of an empty body"),
    ];
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        others.push((
            value.to_string().into_bytes(),
            "it is that of the body written anew from JSON: the bytes that came have to be signed",
        ));
        if let Ok(pretty) = serde_json::to_vec_pretty(&value) {
            others.push((
                pretty,
                "it is that of the body written anew from JSON: the bytes that came have to be signed",
            ));
        }
    }
    others.retain(|(other, _)| other != body);
    others
}

const DECODED: &str = "the secret was decoded from Base64: its text as it stands is the key";

/// Keys that are taken for the one that was agreed.
fn other_keys(key: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let digits = key.strip_prefix(b"whsec_").unwrap_or(key);
    let decoded = BASE64_STANDARD
        .decode(digits)
        .or_else(|_| BASE64_STANDARD_NO_PAD.decode(digits))
        .ok();
    let unhexed = hex::decode(key).ok();
    let mut others: Vec<(Vec<u8>, &'static str)> = vec![
        (
            [key, b"\n"].concat(),
            "the key has a line break behind it, as from a file",
        ),
        (digits.to_vec(), "whsec_ belongs to the key"),
        (Vec::new(), "the key was empty"),
    ];
    others.extend(decoded.map(|decoded| (decoded, DECODED)));
    others.extend(unhexed.map(|unhexed| {
        (
            unhexed,
            "the secret was decoded from hexadecimal: its text as it stands is the key",
        )
    }));
    others.retain(|(other, _)| other != key);
    others
}

fn sha1(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = keyed::<Hmac<Sha1>>(key);
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = keyed::<Hmac<Sha256>>(key);
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// In a time that does not depend on where the two differ.
fn equal(given: &[u8], made: &[u8]) -> bool {
    given.ct_eq(made).into()
}
