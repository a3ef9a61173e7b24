//! Which signatures a channel's webhooks carry and its third party must give, and the keys of those that need more than the
//! text of a secret.

use super::wire::SecretHolder;
use super::{DatedSecrets, SettingsFault};
use crate::auth::signature::SignaturePolicy;
use crate::auth::signature::standard_webhooks::WebhookKey;

/// How a webhook proves who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureScheme {
    /// `X-Hub-Signature: sha1=<hex>`, the vendor's.
    Sha1,
    /// `X-Hub-Signature-256: sha256=<hex>`.
    Sha256,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    StandardWebhooks,
}

impl SignatureScheme {
    const ALL: &[Self] = &[Self::Sha1, Self::Sha256, Self::StandardWebhooks];
    /// Those that the Third-Party Messaging API knows.
    const RECEIVED: &[Self] = &[Self::Sha1, Self::Sha256];

    fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::StandardWebhooks => "standard-webhooks",
        }
    }
}

/// Reads the schemes of a channel's webhooks.
pub(super) fn schemes(words: &[String]) -> Result<Vec<SignatureScheme>, String> {
    read(words, SignatureScheme::ALL)
}

/// Reads the schemes of which one suffices for what a channel receives.
pub(super) fn policy(words: &[String]) -> Result<SignaturePolicy, String> {
    let schemes = read(words, SignatureScheme::RECEIVED)?;
    let suffices = |scheme| schemes.contains(&scheme);
    Ok(
        match (
            suffices(SignatureScheme::Sha1),
            suffices(SignatureScheme::Sha256),
        ) {
            (true, false) => SignaturePolicy::Sha1,
            (false, true) => SignaturePolicy::Sha256,
            _ => SignaturePolicy::Either,
        },
    )
}

/// Reads the keys of a channel whose webhooks carry Standard Webhooks signatures; `place` is that of its webhook's secret.
///
/// # Errors
///
/// Every secret that is none of theirs, with its place. One that has run out counts too: its time may be put off again.
pub(super) fn webhook_keys(
    secrets: &DatedSecrets,
    holder: &SecretHolder,
    place: &str,
) -> Result<DatedSecrets<WebhookKey>, Vec<SettingsFault>> {
    secrets.try_map(WebhookKey::read).map_err(|faults| {
        let fault = |(index, fault): (usize, _)| {
            let path = if holder.secret.is_array() {
                format!("{place}/secret/{index}/value")
            } else {
                format!("{place}/secret")
            };
            SettingsFault::new(path, ToString::to_string(&fault))
        };
        faults.into_iter().map(fault).collect()
    })
}

/// At least one of those that are known, each once.
fn read(words: &[String], known: &[SignatureScheme]) -> Result<Vec<SignatureScheme>, String> {
    let mut schemes = Vec::with_capacity(words.len());
    for word in words {
        let scheme = known.iter().copied().find(|known| known.as_str() == word);
        let scheme = scheme.ok_or_else(|| unknown(word, known))?;
        if schemes.contains(&scheme) {
            return Err(format!("names {word} more than once"));
        }
        schemes.push(scheme);
    }
    if schemes.is_empty() {
        return Err("must name at least one".to_owned());
    }
    Ok(schemes)
}

fn unknown(word: &str, known: &[SignatureScheme]) -> String {
    let names: Vec<&str> = known.iter().map(|scheme| scheme.as_str()).collect();
    let names = names.join(", ");
    let near = known.iter().find(|scheme| is_near(word, scheme.as_str()));
    near.map_or_else(
        || format!("must be of {names}"),
        |near| format!("must be of {names}; is {} meant?", near.as_str()),
    )
}

/// Whether only capitals and punctuation and one letter in four differ.
fn is_near(word: &str, known: &str) -> bool {
    let letters = |text: &str| {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters.collect::<String>().to_lowercase()
    };
    let known = letters(known);
    strsim::damerau_levenshtein(&letters(word), &known) * 4 <= known.len()
}
