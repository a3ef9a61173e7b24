//! `simulate`: a simulated provider alone.

use std::io::Write;
use std::net::SocketAddr;

use clap::Args;

use super::CommandError;
use crate::platform::lifecycle::StopSignals;
use crate::simulator::{
    Answer, Became, CallbackRules, Dialect, GenesysCloud, Rule, ThirdParty, ThirdPartyOptions,
};
use crate::values::Secret;

/// Of the account that the simulated mGage knows.
const MGAGE_USER: &str = "nexus";
/// The OAuth client that the simulated Genesys Cloud knows.
const PORTICO_CLIENT: &str = "nexus";
/// Of those that are described in docs/providers/http-sms.
const TWILIO_ACCOUNT: &str = "AC0123456789";
const VONAGE_KEY: &str = "01234567";

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Whom it plays.
    #[arg(long, value_enum, default_value_t = Played::ThirdParty)]
    provider: Played,
    /// What it accepts: the webhook secret of a third party, the key of SparkPost, Infobip or Kaleyra.io, the password of mGage's user
    /// `nexus`, the secret of Genesys Cloud's client `nexus`, the token of Twilio's account or the secret of Vonage's.
    #[arg(long, required_if_eq_any([
        ("provider", "mgage"), ("provider", "sparkpost"), ("provider", "twilio"), ("provider", "vonage"),
        ("provider", "infobip"), ("provider", "kaleyra"), ("provider", "portico"),
    ]))]
    secret: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    callbacks: CallbackArguments,
}

/// What is wrong with its answers, until `POST /__answers` says otherwise.
#[derive(Debug, Args)]
struct AnswerArguments {
    /// How long each answer is held back.
    #[arg(long, default_value_t = 0)]
    latency_milliseconds: u64,
    /// The share of requests, 0 to 1, that fails.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    fail_share: f64,
    /// How they fail.
    #[arg(long, value_enum, default_value_t = Failure::Unavailable)]
    fail_by: Failure,
}

/// Whom it calls and what it says, until `POST /__callbacks` says otherwise.
#[derive(Debug, Args)]
struct CallbackArguments {
    /// The address that the gateway shows as `callbackUrl`; for a third party `.../channels/{channelId}/messages`, for
    /// Genesys Cloud `.../nexus/v3/sms`.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// The tenant, which a third party and Genesys Cloud name with each call.
    #[arg(long)]
    ccid: Option<String>,
    /// An API key of the tenant, which Genesys Cloud calls with.
    #[arg(long)]
    password: Option<String>,
    /// What becomes of the messages that it takes.
    #[arg(long, value_enum, default_value_t = Told::Delivered)]
    receipts: Told,
    /// How long each receipt is held back.
    #[arg(long, default_value_t = 0)]
    receipt_delay_milliseconds: u64,
    /// How often each receipt comes.
    #[arg(long, default_value_t = 1)]
    receipt_copies: u32,
    /// An interim receipt comes behind the final one.
    #[arg(long)]
    reordered_receipts: bool,
    /// A receipt for a message that nobody sent comes with each.
    #[arg(long)]
    unknown_receipts: bool,
    /// What the waits between its attempts are multiplied with: 0.001 makes hours of seconds.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
}

/// Whom the simulator plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Played {
    /// A gateway of a customer's own, by the vendor's contract for webhooks.
    ThirdParty,
    /// mGage's DirectTEXT.
    #[value(name = "mgage")]
    MGage,
    /// Kaleyra.io's REST API.
    Kaleyra,
    /// SparkPost's transmissions.
    #[value(name = "sparkpost")]
    SparkPost,
    /// Genesys Cloud's login host and its agentless messages.
    Portico,
    /// An API in Twilio's shape.
    Twilio,
    /// One in Vonage's.
    Vonage,
    /// One in Infobip's.
    Infobip,
}

/// How requests fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Failure {
    /// With status 503.
    Unavailable,
    /// With no answer.
    Hang,
    /// The connection is reset, and nothing was taken.
    Reset,
    /// The message is taken, and the connection is reset.
    AcceptAndReset,
    /// As if the credentials were no longer good.
    Unauthorized,
    /// As if the account's limit were used up.
    Quota,
}

/// What is said of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Told {
    Delivered,
    Failed,
    Sent,
    Nothing,
}

/// Answers until a signal.
pub(super) async fn simulate(arguments: SimulateArguments) -> Result<(), CommandError> {
    let secret = arguments.secret.map(Secret::new);
    let third_party = ThirdParty::start(ThirdPartyOptions {
        listen: arguments.listen,
        ..options(arguments.provider, secret)
    })
    .await?;
    third_party.answer_with(arguments.answers.rules());
    third_party.call_back(arguments.callbacks.rules());
    let (name, url) = match arguments.provider {
        Played::ThirdParty => ("third party", third_party.url()),
        Played::MGage => ("mGage", third_party.base_url()),
        Played::SparkPost => ("SparkPost", third_party.base_url()),
        Played::Portico => ("Genesys Cloud", third_party.base_url()),
        Played::Kaleyra => ("Kaleyra.io", third_party.base_url()),
        Played::Twilio => ("Twilio", third_party.base_url()),
        Played::Vonage => ("Vonage", third_party.base_url()),
        Played::Infobip => ("Infobip", third_party.base_url()),
    };
    writeln!(std::io::stdout(), "The simulated {name} answers at {url}")?;
    StopSignals::listen()?.next().await;
    Ok(())
}

/// Where a secret is needed, the command line has asked for it.
fn options(provider: Played, secret: Option<Secret>) -> ThirdPartyOptions {
    let Some(secret) = secret else {
        return ThirdPartyOptions::default();
    };
    let dialect = match provider {
        Played::ThirdParty => return ThirdPartyOptions::with_secret(secret),
        Played::MGage => Dialect::MGage {
            username: MGAGE_USER.to_owned(),
            password: secret,
        },
        Played::SparkPost => Dialect::SparkPost { api_key: secret },
        Played::Portico => Dialect::Portico(GenesysCloud::new(PORTICO_CLIENT, secret)),
        Played::Twilio => Dialect::Twilio {
            account: TWILIO_ACCOUNT.to_owned(),
            token: secret,
        },
        Played::Vonage => Dialect::Vonage {
            key: VONAGE_KEY.to_owned(),
            secret,
        },
        Played::Infobip => Dialect::Infobip { key: secret },
        Played::Kaleyra => Dialect::KaleyraIo { key: secret },
    };
    ThirdPartyOptions {
        dialect,
        ..ThirdPartyOptions::default()
    }
}

impl AnswerArguments {
    /// Those that fail, and then all others, which only take their time.
    fn rules(&self) -> Vec<Rule> {
        let failure = match self.fail_by {
            Failure::Unavailable => Answer::status(503),
            Failure::Hang => Answer::Hang,
            Failure::Reset => Answer::Reset,
            Failure::AcceptAndReset => Answer::AcceptAndReset,
            Failure::Unauthorized => Answer::Unauthorized,
            Failure::Quota => Answer::Quota,
        };
        let failing = Rule::new(failure).share(self.fail_share.clamp(0.0, 1.0));
        let rules = [(self.fail_share > 0.0).then_some(failing)];
        let latency = std::time::Duration::from_millis(self.latency_milliseconds);
        let slow = (!latency.is_zero()).then(|| Rule::new(Answer::accept()));
        let rules = rules.into_iter().chain([slow]).flatten();
        rules.map(|rule| rule.delayed(latency)).collect()
    }
}

impl CallbackArguments {
    fn rules(self) -> CallbackRules {
        CallbackRules {
            url: self.callback_url,
            ccid: self.ccid,
            password: self.password,
            receipts: match self.receipts {
                Told::Delivered => Some(Became::Delivered),
                Told::Failed => Some(Became::Failed),
                Told::Sent => Some(Became::Sent),
                Told::Nothing => None,
            },
            delay_milliseconds: self.receipt_delay_milliseconds,
            copies: self.receipt_copies,
            reordered: self.reordered_receipts,
            unknown: self.unknown_receipts,
            time_scale: self.time_scale,
        }
    }
}
