use std::sync::Arc;

use http::HeaderMap;

use super::{Channel, ConnectorSettings, Snapshot};
use crate::auth::signature::{SignaturePolicy, Verifier};
use crate::platform::http::ApiError;
use crate::values::{Ccid, ChannelId};

/// A call that claims to come from the third party of a channel, until its whole body has passed by.
///
/// An unknown tenant, an unknown channel, a wrong signature and one that the channel does not take get one answer after the same work, so that nobody learns
/// which it was.
#[derive(Debug)]
pub struct SignedCall {
    claimed: Ccid,
    channel: Option<Arc<Channel>>,
    verifier: Verifier,
}

impl SignedCall {
    /// Reads who is claimed to have signed. `channel_id` is the one in the path; `now_ms` says which secrets are in force.
    ///
    /// # Errors
    ///
    /// 401 where no tenant is named or nothing is signed at all, which whoever calls knows already.
    pub fn begin(
        headers: &HeaderMap,
        channel_id: &str,
        snapshot: &Snapshot,
        now_ms: i64,
    ) -> Result<Self, ApiError> {
        let claimed = tenant(headers).ok_or_else(unauthorized)?;
        let channel_id = channel_id.parse::<ChannelId>().ok();
        let channel = channel_id.and_then(|id| snapshot.third_party(claimed, &id).cloned());
        let settings = channel
            .as_deref()
            .and_then(|channel| match &channel.connector {
                ConnectorSettings::ThirdParty(settings) => Some(settings),
                ConnectorSettings::MGage(_)
                | ConnectorSettings::SparkPost(_)
                | ConnectorSettings::Portico(_)
                | ConnectorSettings::HttpSms(_) => None,
            });
        let policy = settings.map_or(SignaturePolicy::default(), |settings| settings.api_policy);
        let secrets = settings
            .into_iter()
            .flat_map(|settings| settings.api_secrets.in_force(now_ms));
        let verifier = Verifier::begin(headers, secrets, policy).map_err(|_| unauthorized())?;
        Ok(Self {
            claimed,
            channel,
            verifier,
        })
    }

    /// The tenant that the call names, whether or not it exists.
    pub fn claimed(&self) -> Ccid {
        self.claimed
    }

    /// Whether the channel exists. It must not show in the answer before [`SignedCall::finish`].
    pub fn knows_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.verifier.update(bytes);
    }

    /// The channel whose third party signed the whole body, or 401.
    pub fn finish(self) -> Result<Arc<Channel>, ApiError> {
        let verified = self.verifier.finish();
        self.channel
            .filter(|_| verified.is_ok())
            .ok_or_else(unauthorized)
    }
}

/// The tenant, if exactly one is named.
fn tenant(headers: &HeaderMap) -> Option<Ccid> {
    let mut named = headers.get_all("x-ccid").iter();
    let ccid = named.next()?.to_str().ok()?.parse().ok()?;
    named.next().is_none().then_some(ccid)
}

/// The one answer to whoever cannot be told why.
fn unauthorized() -> ApiError {
    ApiError::unauthorized("the signature does not match this channel's secret")
}
