//! Whether a webhook was signed rightly, as a third party finds out. It is written from the vendor's pages and from the
//! Standard Webhooks specification and shares no code with what signs, so that a mistake there is not made again here.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use sha1::Sha1;
use sha2::Sha256;

use super::received::Signature;
use crate::values::Secret;

/// How far apart the clocks of both sides may be, in seconds, before a Standard Webhooks signature is refused.
const TOLERANCE_SECONDS: i64 = 300;

/// Checks every signature that is there: all must be right, and one there must be.
pub(super) fn check(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Signature {
    if secrets.is_empty() {
        return Signature::Unchecked;
    }
    let sha1 = |key: &[u8]| format!("sha1={}", hex::encode(sha1(key, body)));
    let sha256 = |key: &[u8]| format!("sha256={}", hex::encode(sha256(key, body)));
    let verdicts = [
        hub(headers, "x-hub-signature", secrets, sha1),
        hub(headers, "x-hub-signature-256", secrets, sha256),
        standard(headers, body, secrets, now_ms / 1_000),
    ];
    let mut given = verdicts.into_iter().flatten().peekable();
    if given.peek().is_some() && given.all(|is_right| is_right) {
        Signature::Good
    } else {
        Signature::Refused
    }
}

/// `None`: the header is not there.
fn hub(
    headers: &HeaderMap,
    name: &str,
    secrets: &[Secret],
    expected: impl Fn(&[u8]) -> String,
) -> Option<bool> {
    headers.contains_key(name).then(|| {
        let given = once(headers, name);
        let mut keys = secrets.iter().map(|secret| secret.expose().as_bytes());
        keys.any(|key| given == Some(&expected(key)))
    })
}

/// `None`: none of the three headers is there.
fn standard(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    now_seconds: i64,
) -> Option<bool> {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    if !names.iter().any(|name| headers.contains_key(*name)) {
        return None;
    }
    let [Some(id), Some(timestamp), Some(signatures)] = names.map(|name| once(headers, name))
    else {
        return Some(false);
    };
    let age = timestamp
        .parse::<i64>()
        .map(|signed_at| now_seconds.abs_diff(signed_at));
    let is_recent = age.is_ok_and(|age| age <= TOLERANCE_SECONDS.unsigned_abs());
    let signed = [id.as_bytes(), timestamp.as_bytes(), body].join(&b'.');
    let mut keys = secrets
        .iter()
        .filter_map(|secret| secret.expose().strip_prefix("whsec_"))
        .filter_map(|key| BASE64_STANDARD.decode(key).ok());
    let is_signed = keys.any(|key| {
        let expected = BASE64_STANDARD.encode(sha256(&key, &signed));
        signatures
            .split(' ')
            .any(|signature| signature.strip_prefix("v1,") == Some(&expected))
    });
    Some(!id.is_empty() && is_recent && is_signed)
}

/// The text of a header that is there exactly once.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn sha1(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key);
    let mac = mac.expect("an HMAC takes a key of any length");
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
}

fn sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
    let mac = mac.expect("an HMAC takes a key of any length");
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
