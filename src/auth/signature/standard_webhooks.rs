//! Signatures as the Standard Webhooks specification has them. Beside the body they cover an id and a time, so that a
//! receiver can tell what it has had before and what is too old to be taken.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use http::HeaderName;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keyed;
use crate::values::Secret;

/// Carries what is the same at every attempt to deliver one thing.
pub const ID_HEADER: HeaderName = HeaderName::from_static("webhook-id");
/// Carries when an attempt was signed, in Unix seconds.
pub const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("webhook-timestamp");
/// Carries one or more signatures with spaces between them.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("webhook-signature");

/// What a secret begins with; its key follows in base64.
const PREFIX: &str = "whsec_";

/// Secrets come from many generators, and not all of them pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that a secret stands for. They are wiped when it is dropped, and printed nowhere.
#[derive(Clone)]
pub struct WebhookKey(Zeroizing<Vec<u8>>);

/// A secret of another form. The sentence follows the place where the secret is and does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {PREFIX} and base64, as standard-webhooks has it")]
pub struct NoWebhookKey;

impl WebhookKey {
    /// Reads `whsec_<base64>`. A key without a byte, which everybody knows, is none.
    pub fn read(secret: &Secret) -> Result<Self, NoWebhookKey> {
        let digits = secret.expose().strip_prefix(PREFIX).ok_or(NoWebhookKey)?;
        let key = Zeroizing::new(BASE64.decode(digits).map_err(|_| NoWebhookKey)?);
        if key.is_empty() {
            return Err(NoWebhookKey);
        }
        Ok(Self(key))
    }

    /// One signature for [`SIGNATURE_HEADER`]: `v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64.
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let mut mac = keyed::<Hmac<Sha256>>(&self.0);
        mac.update(format!("{id}.{timestamp_seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookKey(********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read(text: &str) -> Result<WebhookKey, NoWebhookKey> {
        WebhookKey::read(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_signature_is_the_one_that_the_specification_s_libraries_test_with() {
        let key = read(SECRET).unwrap();
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn padding_may_be_left_out() {
        let signed = |text| read(text).unwrap().sign("1-0", 1, b"{}");
        assert_eq!(signed("whsec_c2VjcmV0cw=="), signed("whsec_c2VjcmV0cw"));
    }

    #[test]
    fn only_the_prefix_and_base64_of_something_is_a_key() {
        for text in [
            "",
            "whsec_",
            "whsec_====",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
            "whsec_MfKQ9r8G\nKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_-_-_",
            "whsec_a",
            "whsec_the secret itself",
        ] {
            assert_eq!(read(text).unwrap_err(), NoWebhookKey, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = read("whsec_aHVudGVyMg==").unwrap();
        assert_eq!(format!("{key:?}"), "WebhookKey(********)");
    }
}
