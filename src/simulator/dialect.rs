//! What differs between the providers that are played: how a message is read out of a request, who may call, how it is
//! answered that a message was taken, and how the provider calls back.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Response, StatusCode, Uri};

use super::answer::AnsweredId;
use super::callback::{Became, Callback, ConsumerText, Taken};
use super::caller::CallbackRules;
use super::genesys_cloud::{self, Counted, GenesysCloud};
use super::received::Signature;
use super::third_party::json;
use super::{infobip, kaleyra, mgage, sparkpost, twilio, verify, vonage, webhook};
use crate::values::Secret;

/// Whose wire format a simulated provider speaks.
#[derive(Debug, Clone, Default)]
pub enum Dialect {
    /// A customer's own gateway, by the vendor's contract for webhooks.
    #[default]
    Webhook,
    /// mGage's DirectTEXT, with the name and password of its account.
    MGage { username: String, password: Secret },
    /// Kaleyra.io's REST API, with the key of its account.
    KaleyraIo { key: Secret },
    /// SparkPost's transmissions, with the key of its account.
    SparkPost { api_key: Secret },
    /// Genesys Cloud's agentless messages, and the login host of their organization.
    Portico(GenesysCloud),
    /// An aggregator in Twilio's shape.
    Twilio { account: String, token: Secret },
    /// One in Vonage's.
    Vonage { key: String, secret: Secret },
    /// One in Infobip's.
    Infobip { key: Secret },
}

/// What the simulator acts on of a request: our id of the message, from whom it comes and whom it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    pub message_id: Option<String>,
    pub sender: Option<String>,
    pub recipient: Option<String>,
}

impl Dialect {
    /// Empty where the body holds no message.
    pub(super) fn envelope(&self, body: &[u8]) -> Envelope {
        match self {
            Self::Webhook => webhook::envelope(body),
            Self::MGage { .. } => mgage::envelope(body),
            Self::KaleyraIo { .. } => kaleyra::envelope(body),
            Self::SparkPost { .. } => sparkpost::envelope(body),
            Self::Portico(_) => genesys_cloud::envelope(body),
            Self::Twilio { .. } => twilio::envelope(body),
            Self::Vonage { .. } => vonage::envelope(body),
            Self::Infobip { .. } => infobip::envelope(body),
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
            Self::KaleyraIo { key } => kaleyra::check(key, headers),
            Self::SparkPost { api_key } => sparkpost::check(api_key, headers),
            Self::Portico(organization) => organization.check(headers, now_ms),
            Self::Twilio { account, token } => twilio::check((account, token), headers),
            Self::Vonage { key, secret } => vonage::check((key, secret), body),
            Self::Infobip { key } => infobip::check(key, headers),
        }
    }

    /// The answer to who is not.
    pub(super) fn refused(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Webhook => webhook::refused(),
            Self::MGage { .. } => mgage::refused(),
            Self::KaleyraIo { .. } => kaleyra::refused(),
            Self::SparkPost { .. } => sparkpost::refused(),
            Self::Portico(_) => genesys_cloud::refused(),
            Self::Twilio { .. } => twilio::refused(),
            Self::Vonage { .. } => vonage::refused(),
            Self::Infobip { .. } => infobip::refused(),
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
        self.genesys_cloud()?.besides(place, headers, body, now_ms)
    }

    /// What the provider counts of its caller's requests, this one among them.
    pub(super) fn counted(&self, headers: &HeaderMap, now_ms: i64) -> Option<Counted> {
        self.genesys_cloud()?.counted(headers, now_ms)
    }

    /// The answer to a message that cannot be taken as it is.
    pub(super) fn objection(&self, body: &[u8]) -> Option<Response<Full<Bytes>>> {
        self.genesys_cloud()?;
        genesys_cloud::objection(body)
    }

    pub(super) fn genesys_cloud(&self) -> Option<&GenesysCloud> {
        match self {
            Self::Portico(organization) => Some(organization),
            Self::Webhook
            | Self::MGage { .. }
            | Self::KaleyraIo { .. }
            | Self::SparkPost { .. }
            | Self::Twilio { .. }
            | Self::Vonage { .. }
            | Self::Infobip { .. } => None,
        }
    }

    /// The answer of an account whose limit is used up; of those without one, a 429.
    pub(super) fn quota(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Webhook | Self::MGage { .. } | Self::KaleyraIo { .. } | Self::Portico(_) => json(
                StatusCode::TOO_MANY_REQUESTS,
                r#"{"error":"the limit is used up"}"#,
            ),
            Self::SparkPost { .. } => sparkpost::quota(),
            Self::Twilio { .. } => twilio::quota(),
            Self::Vonage { .. } => vonage::quota(),
            Self::Infobip { .. } => infobip::quota(),
        }
    }

    /// The id that the `number`th message is given.
    pub(super) fn id(&self, id: AnsweredId, envelope: &Envelope, number: u64) -> Option<String> {
        let own = envelope.message_id.as_deref();
        match id {
            AnsweredId::Same => self.id_of(own, number),
            AnsweredId::Own => Some(format!(
                "third-party-{}",
                own.map_or_else(|| self.id_of(None, number), |id| Some(id.to_owned()))?
            )),
            AnsweredId::Fixed(id) => Some(id),
            AnsweredId::Absent => None,
        }
    }

    /// Which id a message gets by itself: only a customer's own gateway keeps ours, and whoever is given one for that.
    fn id_of(&self, ours: Option<&str>, number: u64) -> Option<String> {
        match self {
            Self::Webhook | Self::Infobip { .. } => ours.map(str::to_owned),
            Self::MGage { .. } => ours.map(|ours| format!("mgage-{ours}")),
            Self::KaleyraIo { .. } => ours.map(|ours| format!("{ours}:0")),
            Self::SparkPost { .. } => ours.map(|ours| format!("sparkpost-{ours}")),
            Self::Vonage { .. } => ours.map(|ours| format!("vonage-{ours}")),
            Self::Portico(_) => Some(genesys_cloud::new_id()),
            Self::Twilio { .. } => Some(twilio::id(number)),
        }
    }

    /// The answer by which a message is taken.
    pub(super) fn accepted(
        &self,
        id: Option<&str>,
        (envelope, body): (&Envelope, &[u8]),
    ) -> Response<Full<Bytes>> {
        let recipient = envelope.recipient.as_deref();
        match self {
            Self::Webhook => webhook::accepted(id),
            Self::MGage { .. } => mgage::accepted(recipient, id),
            Self::KaleyraIo { .. } => kaleyra::accepted(id, recipient),
            Self::SparkPost { .. } => sparkpost::accepted(id),
            Self::Portico(_) => genesys_cloud::accepted(id, body),
            Self::Twilio { .. } => twilio::accepted(id),
            Self::Vonage { .. } => vonage::accepted(id, recipient),
            Self::Infobip { .. } => infobip::accepted(id, recipient),
        }
    }

    /// How the provider says what became of a message; `None` where it has no word for it, or was not told for whom.
    pub(super) fn receipt(
        &self,
        taken: &Taken,
        became: Became,
        (secrets, rules): (&[Secret], &CallbackRules),
    ) -> Option<Callback> {
        match self {
            Self::Webhook => webhook::receipt(taken, became, secrets, rules),
            Self::MGage { .. } => Some(mgage::receipt(taken, became)),
            Self::KaleyraIo { .. } => Some(kaleyra::receipt(taken, became)),
            Self::SparkPost { .. } => Some(sparkpost::receipt(taken, became)),
            Self::Portico(_) => genesys_cloud::receipt(taken, became, rules),
            Self::Twilio { .. } => Some(twilio::receipt(taken, became)),
            Self::Vonage { .. } => Some(vonage::receipt(taken, became)),
            Self::Infobip { .. } => Some(infobip::receipt(taken, became)),
        }
    }

    /// How the provider hands in what a consumer wrote; `None` where it does not.
    pub(super) fn text(
        &self,
        text: &ConsumerText,
        (secrets, rules): (&[Secret], &CallbackRules),
    ) -> Option<Callback> {
        match self {
            Self::Webhook => webhook::text(text, secrets, rules),
            Self::MGage { .. } => Some(mgage::text(text)),
            Self::KaleyraIo { .. } => Some(kaleyra::text(text)),
            Self::SparkPost { .. } => None,
            Self::Portico(_) => genesys_cloud::text(text, rules),
            Self::Twilio { .. } => Some(twilio::text(text)),
            Self::Vonage { .. } => Some(vonage::text(text)),
            Self::Infobip { .. } => Some(infobip::text(text)),
        }
    }

    /// What the provider waits between its attempts at one call, as its documents have it.
    pub(super) fn waits(&self) -> Vec<Duration> {
        match self {
            // A gateway of one's own does what it likes.
            Self::Webhook => vec![Duration::from_secs(5); 5],
            // Nothing is known of any repetition.
            Self::MGage { .. } | Self::KaleyraIo { .. } | Self::Twilio { .. } => Vec::new(),
            // Every ten minutes, 25 times.
            Self::Portico(_) => vec![Duration::from_mins(10); 25],
            // Twelve attempts within eight hours.
            Self::SparkPost { .. } => doubling(Duration::from_secs(14), 11),
            // For about a day.
            Self::Vonage { .. } | Self::Infobip { .. } => doubling(Duration::from_mins(1), 10),
        }
    }
}

/// Each wait twice as long as the one before it.
fn doubling(first: Duration, count: u32) -> Vec<Duration> {
    (0..count).map(|step| first * 2_u32.pow(step)).collect()
}
