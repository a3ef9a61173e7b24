//! Joins the two documents on `channelId`.

use std::collections::HashMap;

use super::{DatedSecrets, SettingsFault, SignatureScheme, ThirdPartyChannel, Webhook};
use super::{rules, signatures, wire};
use crate::auth::signature::SignaturePolicy;
use crate::connectors::document::Object;
use crate::values::ChannelId;

/// Reads every channel of both documents, or says everything that is wrong with them.
pub(super) fn channels(
    data: wire::Data,
    secret: &wire::SecretDocument,
) -> Result<Vec<ThirdPartyChannel>, Vec<SettingsFault>> {
    let mut faults = Vec::new();
    let data_ids = data.channels.iter().map(|channel| &*channel.0.channel_id);
    let data_ids = ids("/data/channels", data_ids, &mut faults);
    let secret_ids = secret.channels.iter().map(|channel| &*channel.0.channel_id);
    let secret_ids = ids("/secret/channels", secret_ids, &mut faults);
    missing_partners("/data/channels", &data_ids, &secret_ids, &mut faults);
    missing_partners("/secret/channels", &secret_ids, &data_ids, &mut faults);

    let halves: Vec<_> = (0..)
        .zip(data.channels)
        .map(|(index, Object(channel))| {
            let place = format!("/data/channels/{index}");
            let webhook =
                rules::webhook(channel.webhook.0, &format!("{place}/webhook"), &mut faults);
            let policy = rules::policy(channel.api, &format!("{place}/api"), &mut faults);
            webhook.zip(policy)
        })
        .collect();
    let secrets: Vec<_> = (0..)
        .zip(&secret.channels)
        .map(|(index, Object(channel))| {
            let place = format!("/secret/channels/{index}");
            let webhook =
                rules::secrets(&channel.webhook.0, &format!("{place}/webhook"), &mut faults);
            let api = rules::secrets(&channel.api.0, &format!("{place}/api"), &mut faults);
            webhook.zip(api)
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }

    // Nothing is at fault, so each channel has its partner.
    let mut partners: HashMap<ChannelId, SecretHalf<'_>> = (0..)
        .zip(&secret.channels)
        .zip(secret_ids.into_iter().zip(secrets))
        .filter_map(|((index, Object(channel)), (id, secrets))| {
            let ((webhook, api), holder) = (secrets?, &channel.webhook.0);
            let half = SecretHalf {
                webhook,
                api,
                holder,
                index,
            };
            Some((id?, half))
        })
        .collect();
    let mut channels = Vec::with_capacity(data_ids.len());
    for (id, data) in data_ids.into_iter().zip(halves) {
        if let (Some(channel_id), Some(data)) = (id, data)
            && let Some(partner) = partners.remove(&channel_id)
        {
            match join(channel_id, data, partner) {
                Ok(channel) => channels.push(channel),
                Err(more) => faults.extend(more),
            }
        }
    }
    if faults.is_empty() {
        Ok(channels)
    } else {
        Err(faults)
    }
}

/// What the secret document says about one channel.
struct SecretHalf<'a> {
    webhook: DatedSecrets,
    api: DatedSecrets,
    /// The webhook's secrets as they are written.
    holder: &'a wire::SecretHolder,
    /// The place among its channels.
    index: usize,
}

fn join(
    channel_id: ChannelId,
    (webhook, api_policy): (Webhook, SignaturePolicy),
    secrets: SecretHalf<'_>,
) -> Result<ThirdPartyChannel, Vec<SettingsFault>> {
    let needs_keys = webhook
        .signatures
        .contains(&SignatureScheme::StandardWebhooks);
    let place = format!("/secret/channels/{}/webhook", secrets.index);
    let webhook_keys = needs_keys
        .then(|| signatures::webhook_keys(&secrets.webhook, secrets.holder, &place))
        .transpose()?;
    Ok(ThirdPartyChannel {
        channel_id,
        webhook,
        webhook_secrets: secrets.webhook,
        webhook_keys,
        api_secrets: secrets.api,
        api_policy,
    })
}

/// Reads the ids of one document. `None` stands where one is at fault.
fn ids<'a>(
    place: &str,
    texts: impl Iterator<Item = &'a str>,
    faults: &mut Vec<SettingsFault>,
) -> Vec<Option<ChannelId>> {
    let mut ids: Vec<Option<ChannelId>> = Vec::new();
    for (index, text) in texts.enumerate() {
        let path = || format!("{place}/{index}/channelId");
        let id = text.parse::<ChannelId>();
        let id = id
            .map_err(|error| faults.push(SettingsFault::new(path(), error.to_string())))
            .ok();
        if id.is_some() && ids.contains(&id) {
            faults.push(SettingsFault::new(path(), "is there more than once"));
        }
        ids.push(id);
    }
    ids
}

/// Finds the channels of one document that the other does not have.
fn missing_partners(
    place: &str,
    these: &[Option<ChannelId>],
    others: &[Option<ChannelId>],
    faults: &mut Vec<SettingsFault>,
) {
    let other = if place.starts_with("/data") {
        "secret"
    } else {
        "data"
    };
    for (index, id) in these.iter().enumerate() {
        if id.is_some() && !others.contains(id) {
            let path = format!("{place}/{index}/channelId");
            let message = format!("has no partner in {other}.channels");
            faults.push(SettingsFault::new(path, message));
        }
    }
}
