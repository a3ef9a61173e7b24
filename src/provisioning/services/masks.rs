//! Secrets in answers: every one is shown as a mask, and a mask that is sent back stands for what is stored.

use serde_json::{Map, Value};

use crate::provisioning::error::Fault;
use crate::values::ChannelId;

/// What is shown instead of a secret.
pub const MASK: &str = "********";

/// Members of a secret document that say which secret it is or how long it lives, and are shown.
const SHOWN: [&str; 2] = ["channelId", "notAfter"];

/// The document with every secret string masked.
pub fn mask(secret: &Value) -> Value {
    match secret {
        Value::String(_) => Value::String(MASK.to_owned()),
        Value::Array(items) => items.iter().map(mask).collect(),
        Value::Object(members) => {
            let masked = members.iter().map(|(name, value)| {
                let shown = SHOWN.contains(&name.as_str());
                (
                    name.clone(),
                    if shown { value.clone() } else { mask(value) },
                )
            });
            Value::Object(masked.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => secret.clone(),
    }
}

/// The document that was sent, with each mask replaced by what is stored in its place.
///
/// Entries with a `channelId` are found by it, whatever their order. In a list of `{value, notAfter?}` a mask stands
/// for the stored secret with the same `notAfter`, else for the first that no other mask has taken: so a new secret
/// can be put before a masked one that is given an end.
///
/// # Errors
///
/// Every mask that nothing is stored for, by its JSON pointer below `pointer`.
pub fn unmask(sent: Value, stored: Option<&Value>, pointer: &str) -> Result<Value, Vec<Fault>> {
    let mut faults = Vec::new();
    let value = fill(sent, stored, pointer, &mut faults);
    if faults.is_empty() {
        Ok(value)
    } else {
        Err(faults)
    }
}

fn fill(sent: Value, stored: Option<&Value>, pointer: &str, faults: &mut Vec<Fault>) -> Value {
    match sent {
        Value::String(text) if text == MASK => kept(stored).unwrap_or_else(|| {
            faults.push(Fault::new(
                pointer,
                "is a mask, but nothing is stored that it could keep",
            ));
            Value::String(text)
        }),
        Value::Object(members) => Value::Object(fill_members(members, stored, pointer, faults)),
        Value::Array(items) => {
            let partners = partners(&items, stored);
            let filled =
                items
                    .into_iter()
                    .zip(partners)
                    .enumerate()
                    .map(|(index, (item, partner))| {
                        fill(
                            item,
                            partner.as_ref(),
                            &format!("{pointer}/{index}"),
                            faults,
                        )
                    });
            Value::Array(filled.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => sent,
    }
}

fn fill_members(
    members: Map<String, Value>,
    stored: Option<&Value>,
    pointer: &str,
    faults: &mut Vec<Fault>,
) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| {
            let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let value = fill(
                value,
                stored.and_then(|stored| stored.get(&name)),
                &place,
                faults,
            );
            (name, value)
        })
        .collect()
}

/// The stored secret that a single mask keeps: of a list the first, which is the one that signs.
fn kept(stored: Option<&Value>) -> Option<Value> {
    match stored? {
        Value::String(text) => Some(Value::String(text.clone())),
        Value::Array(entries) => entries
            .first()
            .and_then(|entry| entry.get("value"))
            .cloned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// For each entry that was sent the stored entry that it is compared with.
fn partners(sent: &[Value], stored: Option<&Value>) -> Vec<Option<Value>> {
    let stored_entries: Vec<Value> = match stored {
        Some(Value::Array(entries)) => entries.clone(),
        Some(Value::String(text)) => vec![serde_json::json!({ "value": text })],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    };
    if sent.iter().any(|entry| entry.get("value").is_some()) {
        return secret_partners(sent, stored_entries);
    }
    let by_channel = |entry: &Value| {
        let channel = channel_of(entry)?;
        stored_entries
            .iter()
            .find(|candidate| channel_of(candidate).as_ref() == Some(&channel))
            .cloned()
    };
    sent.iter().map(by_channel).collect()
}

/// Pairs the masked entries of a list of secrets: first those with the same end, then the others in order.
fn secret_partners(sent: &[Value], stored: Vec<Value>) -> Vec<Option<Value>> {
    let mut free: Vec<Option<Value>> = stored.into_iter().map(Some).collect();
    let mut partners: Vec<Option<Value>> = vec![None; sent.len()];
    for same_end_only in [true, false] {
        for (entry, partner) in sent.iter().zip(&mut partners) {
            let masked = entry.get("value").and_then(Value::as_str) == Some(MASK);
            if !masked || partner.is_some() {
                continue;
            }
            let fits = |candidate: &&mut Option<Value>| {
                candidate.as_ref().is_some_and(|stored| {
                    !same_end_only || stored.get("notAfter") == entry.get("notAfter")
                })
            };
            *partner = free.iter_mut().find(fits).and_then(Option::take);
        }
    }
    partners
}

fn channel_of(entry: &Value) -> Option<ChannelId> {
    entry.get("channelId")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_secret_is_masked_and_what_names_it_is_shown() {
        let secret = json!({
            "channels": [{
                "channelId": "16504661149",
                "webhook": { "secret": [{ "value": "one", "notAfter": "2026-12-01T00:00:00Z" }, { "value": "two" }] },
                "api": { "secret": "three" },
            }],
            "password": "four",
        });
        assert_eq!(
            mask(&secret),
            json!({
                "channels": [{
                    "channelId": "16504661149",
                    "webhook": { "secret": [{ "value": MASK, "notAfter": "2026-12-01T00:00:00Z" }, { "value": MASK }] },
                    "api": { "secret": MASK },
                }],
                "password": MASK,
            })
        );
    }

    #[test]
    fn a_document_sent_back_as_it_was_shown_keeps_everything() {
        let stored = json!({
            "channels": [
                { "channelId": "16504661149", "webhook": { "secret": [{ "value": "a" }, { "value": "b" }] }, "api": { "secret": "c" } },
                { "channelId": "company.com", "webhook": { "secret": "d" }, "api": { "secret": "e" } },
            ],
            "password": "f",
        });
        assert_eq!(
            unmask(mask(&stored), Some(&stored), "/secret").unwrap(),
            stored
        );
    }

    #[test]
    fn channels_are_found_by_their_id_in_any_order_and_spelling() {
        let stored = json!([{ "channelId": "16504661149", "secret": "a" }, { "channelId": "company.com", "secret": "b" }]);
        let sent = json!([{ "channelId": "Company.com", "secret": MASK }, { "channelId": "+1 650 466-1149", "secret": MASK }]);
        let kept = unmask(sent, Some(&stored), "").unwrap();
        assert_eq!(kept[0]["secret"], "b");
        assert_eq!(kept[1]["secret"], "a");
    }

    #[test]
    fn a_rotation_puts_a_new_secret_before_the_masked_one() {
        let rotated = unmask(
            json!([{ "value": "new" }, { "value": MASK, "notAfter": "T1" }]),
            Some(&json!("old")),
            "",
        )
        .unwrap();
        assert_eq!(
            rotated,
            json!([{ "value": "new" }, { "value": "old", "notAfter": "T1" }])
        );
    }

    #[test]
    fn a_rotation_ends_by_keeping_the_first_alone() {
        let stored = json!([{ "value": "new" }, { "value": "old", "notAfter": "T1" }]);
        assert_eq!(
            unmask(json!(MASK), Some(&stored), "").unwrap(),
            json!("new")
        );
        assert_eq!(
            unmask(json!([{ "value": MASK }]), Some(&stored), "").unwrap(),
            json!([{ "value": "new" }])
        );
    }

    #[test]
    fn a_mask_with_an_end_keeps_the_secret_with_that_end() {
        let stored = json!([{ "value": "new" }, { "value": "old", "notAfter": "T1" }]);
        let sent = json!([{ "value": "newer" }, { "value": MASK, "notAfter": "T1" }]);
        assert_eq!(unmask(sent, Some(&stored), "").unwrap()[1]["value"], "old");
    }

    #[test]
    fn a_mask_with_nothing_stored_is_named() {
        let stored = json!({ "channels": [{ "channelId": "1234", "api": { "secret": "a" } }] });
        let sent = json!({ "channels": [
            { "channelId": "1234", "api": { "secret": MASK } },
            { "channelId": "5678", "api": { "secret": MASK }, "webhook": { "secret": [{ "value": MASK }] } },
        ] });
        let places: Vec<String> = unmask(sent, Some(&stored), "/secret")
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.path)
            .collect();
        assert_eq!(
            places,
            [
                "/secret/channels/1/api/secret",
                "/secret/channels/1/webhook/secret/0/value"
            ]
        );
    }
}
