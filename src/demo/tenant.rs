//! The demo's tenants: fixed names and numbers, with a key and secrets derived from the cluster's key.

use uuid::{Builder, Uuid};

use crate::auth::signature;
use crate::values::Secret;

/// Numbers from 555-0100 to 555-0199 belong to nobody.
pub(super) const CHAT_CHANNEL: &str = "16505550100";
pub(super) const CAMPAIGN_CHANNEL: &str = "16505550101";
pub(super) const EMAIL_CHANNEL: &str = "demo.example";

/// From where the application sends mail.
pub(super) const EMAIL_SENDER: &str = "no-reply@demo.example";

/// Who writes in the SMS flow.
pub(super) const CONSUMER: &str = "16505550199";

/// Who is written to in the email flow.
pub(super) const EMAIL_CONSUMER: &str = "recipient-1@mail.example";

/// Who writes in the lines for a person to go on with. Another one, so that their STOP does not stop the next flow.
pub(super) const VISITOR: &str = "16505550188";

pub(super) const CHANNELS: [&str; 3] = [CHAT_CHANNEL, CAMPAIGN_CHANNEL, EMAIL_CHANNEL];

#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) ccid: Uuid,
    pub(super) api_key: String,
    root: Secret,
}

impl Tenant {
    /// The one whose messages the simulated third party carries.
    pub(super) fn derived_from(bootstrap_key: &Secret) -> Self {
        Self::of(bootstrap_key, 1, "api key")
    }

    /// One of those whose messages a provider carries, from 2.
    pub(super) fn numbered(bootstrap_key: &Secret, number: u8) -> Self {
        Self::of(
            bootstrap_key,
            number,
            &format!("api key of tenant {number}"),
        )
    }

    fn of(bootstrap_key: &Secret, number: u8, purpose: &str) -> Self {
        let mut key = [0; 16];
        // The first half of the digest: a version 4 UUID takes no more.
        let digest = hex::decode(derive(bootstrap_key, purpose)).unwrap_or_default();
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self {
            ccid: Uuid::from_u128(0xd3a0_0000_0000_4000_8000_0000_0000_0000 | u128::from(number)),
            api_key: Builder::from_random_bytes(key).into_uuid().to_string(),
            root: bootstrap_key.clone(),
        }
    }

    /// What its provider knows us by.
    pub(super) fn account_secret(&self) -> Secret {
        Secret::new(derive(&self.root, &format!("account of {}", self.ccid)))
    }

    /// Signs what the third party sends on this channel.
    pub(super) fn api_secret(&self, channel_id: &str) -> String {
        derive(&self.root, &format!("api secret of {channel_id}"))
    }

    /// Signs what the gateway sends for this channel.
    pub(super) fn webhook_secret(&self, channel_id: &str) -> String {
        derive(&self.root, &format!("webhook secret of {channel_id}"))
    }

    pub(super) fn webhook_secrets(&self) -> Vec<Secret> {
        CHANNELS
            .iter()
            .map(|channel_id| Secret::new(self.webhook_secret(channel_id)))
            .collect()
    }
}

/// 64 hexadecimal digits that nobody without the key can tell.
fn derive(key: &Secret, purpose: &str) -> String {
    let signature = signature::sign_sha256(
        key.expose().as_bytes(),
        format!("demo {purpose}").as_bytes(),
    );
    signature.trim_start_matches("sha256=").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant_of(bootstrap_key: &str) -> Tenant {
        Tenant::derived_from(&Secret::new(bootstrap_key.to_owned()))
    }

    #[test]
    fn the_same_cluster_key_finds_the_same_demo_tenant_again() {
        let key = "9b7682b7-cbce-422f-9bbb-ecda85e61695";

        assert_eq!(tenant_of(key).api_key, tenant_of(key).api_key);
        assert_eq!(
            tenant_of(key).api_secret(CHAT_CHANNEL),
            tenant_of(key).api_secret(CHAT_CHANNEL)
        );
        assert_ne!(
            tenant_of(key).api_key,
            tenant_of("00a1db19-e9ab-4bcd-a20c-7f22b1e8a1d6").api_key
        );
    }

    #[test]
    fn no_two_secrets_are_the_same_and_the_key_is_a_version_4_uuid() {
        let tenant = tenant_of("9b7682b7-cbce-422f-9bbb-ecda85e61695");

        assert_eq!(tenant.api_key.parse::<Uuid>().unwrap().get_version_num(), 4);
        assert_ne!(
            tenant.api_secret(CHAT_CHANNEL),
            tenant.webhook_secret(CHAT_CHANNEL)
        );
        assert_ne!(
            tenant.api_secret(CHAT_CHANNEL),
            tenant.api_secret(CAMPAIGN_CHANNEL)
        );
    }
}
