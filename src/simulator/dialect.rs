//! What differs between the providers that are played: how a message is read out of a request, who may call, and how it
//! is answered that a message was taken.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Response, Uri};

use super::answer::AnsweredId;
use super::genesys_cloud::{self, Counted, GenesysCloud};
use super::received::Signature;
use super::{mgage, sparkpost, verify, webhook};
use crate::values::Secret;

/// Whose wire format a simulated provider speaks.
#[derive(Debug, Clone, Default)]
pub enum Dialect {
    /// A customer's own gateway, by the vendor's contract for webhooks.
    #[default]
    Webhook,
    /// mGage's DirectTEXT, with the name and password of its account.
    MGage { username: String, password: Secret },
    /// SparkPost's transmissions, with the key of its account.
    SparkPost { api_key: Secret },
    /// Genesys Cloud's agentless messages, and the login host of their organization.
    Portico(GenesysCloud),
}

/// What the simulator acts on of a request: our id of the message, and whom it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    pub message_id: Option<String>,
    pub recipient: Option<String>,
}

impl Dialect {
    pub(super) fn genesys_cloud(&self) -> Option<&GenesysCloud> {
        match self {
            Self::Portico(organization) => Some(organization),
            Self::Webhook | Self::MGage { .. } | Self::SparkPost { .. } => None,
        }
    }

    /// Empty where the body holds no message.
    pub(super) fn envelope(&self, body: &[u8]) -> Envelope {
        match self {
            Self::Webhook => webhook::envelope(body),
            Self::MGage { .. } => mgage::envelope(body),
            Self::SparkPost { .. } => sparkpost::envelope(body),
            Self::Portico(_) => genesys_cloud::envelope(body),
        }
    }

    /// Whether the caller is who it has to be.
    pub(super) fn check(
        &self,
        (secrets, now_ms): (&[Secret], i64),
        headers: &HeaderMap,
        body: &[u8],
    ) -> Signature {
        match self {
            Self::Webhook => verify::check(secrets, headers, body, now_ms),
            Self::MGage { username, password } => mgage::check((username, password), headers),
            Self::SparkPost { api_key } => sparkpost::check(api_key, headers),
            Self::Portico(organization) => organization.check(headers, now_ms),
        }
    }

    /// The answer to who is not.
    pub(super) fn refused(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Webhook => webhook::refused(),
            Self::MGage { .. } => mgage::refused(),
            Self::SparkPost { .. } => sparkpost::refused(),
            Self::Portico(_) => genesys_cloud::refused(),
        }
    }

    /// What the provider answers beside taking messages; `None` where a request is one.
    pub(super) fn besides(
        &self,
        place: (&Method, &Uri),
        headers: &HeaderMap,
        body: &[u8],
        now_ms: i64,
    ) -> Option<Response<Full<Bytes>>> {
        match self {
            Self::Portico(organization) => organization.besides(place, headers, body, now_ms),
            Self::Webhook | Self::MGage { .. } | Self::SparkPost { .. } => None,
        }
    }

    /// What the provider counts of its caller's requests, this one among them.
    pub(super) fn counted(&self, headers: &HeaderMap, now_ms: i64) -> Option<Counted> {
        match self {
            Self::Portico(organization) => organization.counted(headers, now_ms),
            Self::Webhook | Self::MGage { .. } | Self::SparkPost { .. } => None,
        }
    }

    /// The answer to a message that cannot be taken as it is.
    pub(super) fn objection(&self, body: &[u8]) -> Option<Response<Full<Bytes>>> {
        match self {
            Self::Portico(_) => genesys_cloud::objection(body),
            Self::Webhook | Self::MGage { .. } | Self::SparkPost { .. } => None,
        }
    }

    /// The answer by which a message is taken.
    pub(super) fn accepted(
        &self,
        id: AnsweredId,
        (envelope, body): (&Envelope, &[u8]),
    ) -> Response<Full<Bytes>> {
        let own = match self {
            Self::Portico(organization) => Some(organization.next_id()),
            Self::Webhook | Self::MGage { .. } | Self::SparkPost { .. } => {
                envelope.message_id.clone()
            }
        };
        let id = match id {
            AnsweredId::Same => own.map(|id| self.id_of(&id)),
            AnsweredId::Own => own.map(|id| format!("third-party-{id}")),
            AnsweredId::Fixed(id) => Some(id),
            AnsweredId::Absent => None,
        };
        match self {
            Self::Webhook => webhook::accepted(id),
            Self::MGage { .. } => mgage::accepted(envelope.recipient.as_deref(), id.as_deref()),
            Self::SparkPost { .. } => sparkpost::accepted(id.as_deref()),
            Self::Portico(_) => genesys_cloud::accepted(id, body),
        }
    }

    /// Which id a message gets by itself: only a customer's own gateway keeps ours.
    fn id_of(&self, ours: &str) -> String {
        match self {
            Self::Webhook | Self::Portico(_) => ours.to_owned(),
            Self::MGage { .. } => format!("mgage-{ours}"),
            Self::SparkPost { .. } => format!("sparkpost-{ours}"),
        }
    }
}
