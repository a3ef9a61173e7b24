//! One request to whoever sends for a channel: which connector writes it, and which reads the answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Request;
use tracing::debug;

use super::attempt::Report;
use super::context::DispatchContext;
use super::excerpt;
use crate::connectors::allowance::Allowance;
use crate::connectors::genesys_cloud::{self, NotCalled};
use crate::connectors::outbound::Outbound;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::connectors::third_party::send::{self as third_party, WebhookCall};
use crate::connectors::{http_sms, mgage, portico, sparkpost};
use crate::history::model::Stream;
use crate::lanes::model::OutboundMessage;
use crate::media::attached::NotAttached;
use crate::platform::outbound::{Answer, ExchangeFailed, GateRefused, exchange};
use crate::provisioning::directory::{Channel, ConnectorSettings};
use crate::suppressions::link::Wish;
use crate::suppressions::model::Route;
use crate::values::{
    Content, EmailPart, MediaId, MediaUrl, Priority, ReasonCode, Secret, StoredFile,
};

/// Why a gate stayed shut; shared between the gate and whoever waits behind it.
#[derive(Debug, Clone, Default)]
pub struct Refusal(Arc<Mutex<Option<NotStarted>>>);

impl Refusal {
    pub fn set(&self, why: NotStarted) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    fn take(&self) -> Option<NotStarted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

type Gate = BoxFuture<'static, Result<(), GateRefused>>;

/// Makes a gate for each request of an attempt; most attempts make one.
pub struct Gates<'a> {
    /// Why the last one stayed shut.
    refusal: Refusal,
    make: Box<dyn Fn(Refusal) -> Gate + Send + Sync + 'a>,
}

impl<'a> Gates<'a> {
    pub fn new(make: impl Fn(Refusal) -> Gate + Send + Sync + 'a) -> Self {
        Self {
            refusal: Refusal::default(),
            make: Box::new(make),
        }
    }

    fn next(&self) -> Gate {
        (self.make)(self.refusal.clone())
    }
}

impl std::fmt::Debug for Gates<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gates").finish_non_exhaustive()
    }
}

/// A request that is ready to go, and the time that it and its answer may take.
struct Call {
    request: Request,
    budget: Duration,
}

/// Makes one attempt with a message and reads its answer, whoever asked for it. No byte of the message leaves before
/// its gate opens.
pub async fn post(
    context: &DispatchContext,
    channel: &Channel,
    message: &OutboundMessage,
    gates: &Gates<'_>,
) -> Report {
    let files = match attached(context, channel, message).await {
        Ok(files) => files,
        Err(cause) => return Report::of(not_attached(message, &cause)),
    };
    let began = context.clock.monotonic();
    let made = request(context, channel, (message, &files), gates).await;
    let duration = context.clock.monotonic().duration_since(began);
    let result = match made {
        Ok(result) => result,
        Err(not_called) => {
            return Report {
                duration,
                ..Report::of(not_made(not_called, context.clock.now_ms()))
            };
        }
    };
    let (answer, now_ms) = (result.as_ref().ok(), context.clock.now_ms());
    Report {
        duration,
        http_status: answer.map(|answer| answer.status),
        excerpt: answer.map(excerpt::of),
        allowance: answer.and_then(|answer| allowance(channel, answer, now_ms)),
        outcome: read(channel, result, now_ms, gates.refusal.take()),
    }
}

/// Makes the request, with a token where its provider wants one.
async fn request(
    context: &DispatchContext,
    channel: &Channel,
    message: (&OutboundMessage, &[StoredFile]),
    gates: &Gates<'_>,
) -> Result<Result<Answer, ExchangeFailed>, NotCalled> {
    let clients = if channel.repeats_safe() {
        &context.clients
    } else {
        &context.carrier_clients
    };
    let write = || write(context, channel, message, gates.next());
    if let ConnectorSettings::Portico(settings) = &channel.connector {
        let budget = settings.api.rules.timeout;
        let write = || write().map(|call| call.request);
        let client = &settings.identity.client;
        return genesys_cloud::call(&context.tokens, client, clients, budget, write).await;
    }
    let call = write().ok_or(NotCalled::Unwritable)?;
    Ok(exchange(&clients.client(), call.request, call.budget).await)
}

/// Writes a message as its connector does; `None` where that connector has no form for it.
fn write(
    context: &DispatchContext,
    channel: &Channel,
    (message, files): (&OutboundMessage, &[StoredFile]),
    gate: Gate,
) -> Option<Call> {
    let unsubscribe_link = unsubscribe_link(context, message);
    let outbound = Outbound {
        channel_id: &message.channel_id,
        from: &message.from,
        to: &message.to,
        message_id: message.id,
        reply_to: message.reply_to.as_ref(),
        is_bulk: message.priority == Priority::Bulk,
        unsubscribe_link: unsubscribe_link.as_deref(),
        content: &message.content,
        link: &|id| context.media.link((message.ccid, message.id), id),
    };
    match &channel.connector {
        ConnectorSettings::ThirdParty(settings) => {
            let call = WebhookCall {
                body: third_party::render_body(&outbound, settings.webhook.body_shape),
                message_id: message.id,
                trace: &message.trace,
                custom_headers: channel.custom_headers(message.stream == Stream::Cxc),
                now_ms: context.clock.now_ms(),
            };
            Some(Call {
                request: third_party::build_request(settings, call, gate),
                budget: settings.webhook.timeout,
            })
        }
        ConnectorSettings::MGage(settings) => {
            let callback_url = callback_url(context, channel);
            let callback_url = callback_url.as_ref().map(Secret::expose);
            Some(Call {
                request: mgage::send::build_request(settings, &outbound, callback_url, gate)?,
                budget: settings.rules.timeout,
            })
        }
        ConnectorSettings::SparkPost(settings) => Some(Call {
            request: sparkpost::send::build_request(settings, &outbound, files, gate)?,
            budget: settings.rules.timeout,
        }),
        ConnectorSettings::Portico(settings) => Some(Call {
            request: portico::send::build_request(&settings.api, &outbound, gate)?,
            budget: settings.api.rules.timeout,
        }),
        ConnectorSettings::HttpSms(settings) => {
            let callback_url = callback_url(context, channel);
            let callback_url = callback_url.as_ref().map(Secret::expose);
            Some(Call {
                request: http_sms::send::build_request(settings, &outbound, callback_url, gate)?,
                budget: settings.rules.timeout,
            })
        }
    }
}

/// Where the recipient of a mail to many people ends them.
fn unsubscribe_link(context: &DispatchContext, message: &OutboundMessage) -> Option<String> {
    let is_mail = matches!(message.content, Content::Email(_));
    if !is_mail || message.priority != Priority::Bulk {
        return None;
    }
    context.unsubscribe_links.to(&Wish {
        route: Route {
            ccid: message.ccid,
            channel_id: message.channel_id.clone(),
            address: message.to.address.clone(),
        },
        message: message.id,
    })
}

/// Where a channel's provider is to call us, if it is known how the outside reaches us.
fn callback_url(context: &DispatchContext, channel: &Channel) -> Option<Secret> {
    let base = context.settings.public_url.as_deref()?;
    let path = channel.callback_path.as_ref()?;
    Some(Secret::new(format!("{base}{}", path.expose())))
}

/// The files that a connector hands over itself; the others send links.
async fn attached(
    context: &DispatchContext,
    channel: &Channel,
    message: &OutboundMessage,
) -> Result<Vec<StoredFile>, NotAttached> {
    match (&channel.connector, &message.content) {
        (ConnectorSettings::SparkPost(_), Content::Email(mail)) => {
            let ids: Vec<MediaId> = mail.parts.iter().filter_map(uploaded).collect();
            let bytes_max = sparkpost::send::FILE_BYTES_MAX;
            context
                .attachments
                .read(message.ccid, &ids, bytes_max)
                .await
        }
        (
            ConnectorSettings::ThirdParty(_)
            | ConnectorSettings::MGage(_)
            | ConnectorSettings::SparkPost(_)
            | ConnectorSettings::Portico(_)
            | ConnectorSettings::HttpSms(_),
            _,
        ) => Ok(Vec::new()),
    }
}

fn uploaded(part: &EmailPart) -> Option<MediaId> {
    match part {
        EmailPart::Attachment(media) => match &media.url {
            MediaUrl::Uploaded(id) => Some(*id),
            MediaUrl::Link(_) => None,
        },
        EmailPart::Text(_) | EmailPart::Html(_) => None,
    }
}

/// The message is at fault where its files are; else nothing was tried.
fn not_attached(message: &OutboundMessage, cause: &NotAttached) -> Outcome {
    debug!(message.id = %message.id, error.cause = %cause, "A message's files cannot be attached");
    match cause {
        NotAttached::Gone | NotAttached::TooLarge { .. } => Outcome::Refused {
            reason: ReasonCode::InvalidStructure,
            detail: AttemptError::BadRequest,
            endpoint_fault: false,
            pause_endpoint: false,
        },
        NotAttached::Store(_) => Outcome::NotStarted {
            why: NotStarted::CheckFailed,
        },
    }
}

fn read(
    channel: &Channel,
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    match &channel.connector {
        ConnectorSettings::ThirdParty(_) => third_party::interpret(result, now_ms, gate_said),
        ConnectorSettings::MGage(settings) => {
            mgage::send::interpret(settings, result, now_ms, gate_said)
        }
        ConnectorSettings::SparkPost(_) => sparkpost::send::interpret(result, now_ms, gate_said),
        ConnectorSettings::Portico(_) => portico::send::interpret(result, now_ms, gate_said),
        ConnectorSettings::HttpSms(settings) => {
            http_sms::send::interpret(settings, result, now_ms, gate_said)
        }
    }
}

/// What the provider says that it still takes.
fn allowance(channel: &Channel, answer: &Answer, now_ms: i64) -> Option<Allowance> {
    match &channel.connector {
        ConnectorSettings::Portico(_) => genesys_cloud::allowance(answer, now_ms),
        ConnectorSettings::ThirdParty(_)
        | ConnectorSettings::MGage(_)
        | ConnectorSettings::SparkPost(_)
        | ConnectorSettings::HttpSms(_) => None,
    }
}

fn not_made(why: NotCalled, now_ms: i64) -> Outcome {
    match why {
        NotCalled::NoToken(why) => why.outcome(now_ms),
        NotCalled::Unwritable => cannot_be_written(),
    }
}

/// It was accepted when something else sent for its channel.
fn cannot_be_written() -> Outcome {
    Outcome::Refused {
        reason: ReasonCode::Unsupported,
        detail: AttemptError::BadRequest,
        endpoint_fault: false,
        pause_endpoint: false,
    }
}
