//! What one attempt came to, in words that all connectors share. What follows from it is the dispatcher's to decide.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::platform::outbound::TlsFault;
use crate::values::ReasonCode;

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the message, and may have given it an id for its receipts.
    Accepted { provider_message_id: Option<String> },
    /// Not taken, and worth another attempt, not before `after` where the provider asked for it.
    /// `endpoint_fault`: it says that the endpoint is in trouble, not this message.
    Retry {
        reason: AttemptError,
        after: Option<Duration>,
        endpoint_fault: bool,
    },
    /// Never to be taken as it is. `pause_endpoint`: nothing else is to be sent there either until somebody resumes it.
    Refused {
        reason: ReasonCode,
        detail: AttemptError,
        endpoint_fault: bool,
        pause_endpoint: bool,
    },
    /// Not taken, for a reason that stops whatever is sent there: the lane waits and the message with it, and no attempt
    /// is charged. `until`: when it is worth another look, Unix milliseconds, where the provider's answer says so.
    Barred {
        reason: AttemptError,
        until: Option<i64>,
    },
    /// It may have been taken: it was written, and no answer came that could be read.
    Unknown { reason: AttemptError },
    /// It was stopped before its first byte, so no attempt is charged.
    NotStarted { why: NotStarted },
}

impl Outcome {
    /// The stable word.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Retry { .. } => "retry",
            Self::Refused { .. } => "refused",
            Self::Barred { .. } => "barred",
            Self::Unknown { .. } => "unknown",
            Self::NotStarted { .. } => "not_started",
        }
    }

    /// What kept it from being accepted; `None` where nothing did, or where nothing was tried.
    pub fn error(&self) -> Option<AttemptError> {
        match self {
            Self::Retry { reason, .. } | Self::Barred { reason, .. } | Self::Unknown { reason } => {
                Some(*reason)
            }
            Self::Refused { detail, .. } => Some(*detail),
            Self::Accepted { .. } | Self::NotStarted { .. } => None,
        }
    }
}

/// What kept an attempt from being accepted. Its class is a word that is stored, counted and searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptError {
    /// An answer that does not accept.
    HttpStatus(u16),
    /// An answer within the protocol that refuses with a number of the provider's own.
    ProviderCode(i32),
    Timeout,
    Dns,
    Connect,
    Tls(TlsFault),
    /// The connection ended in the middle of the exchange.
    ConnectionLost,
    /// Something came back that is no answer.
    BadAnswer,
    /// The address guard refuses where the endpoint's name leads.
    AddressRefused,
    /// The provider does not accept the credentials of the service.
    Credentials,
    /// What the account may send in this time is used up.
    Quota,
    /// No request can be made of this message and these settings.
    BadRequest,
    /// The gateway stopped, or gave the lane away, while the attempt was under way.
    Interrupted,
}

impl AttemptError {
    /// The stable word, such as `http_503` or `timeout`.
    pub fn class(self) -> Cow<'static, str> {
        match self {
            Self::HttpStatus(status) => Cow::Owned(format!("http_{status}")),
            Self::ProviderCode(code) => Cow::Owned(format!("provider_{code}")),
            Self::Timeout => Cow::Borrowed("timeout"),
            Self::Dns => Cow::Borrowed("dns"),
            Self::Connect => Cow::Borrowed("connect"),
            Self::Tls(fault) => Cow::Borrowed(tls_class(fault)),
            Self::ConnectionLost => Cow::Borrowed("connection_lost"),
            Self::BadAnswer => Cow::Borrowed("bad_answer"),
            Self::AddressRefused => Cow::Borrowed("address_refused"),
            Self::Credentials => Cow::Borrowed("credentials"),
            Self::Quota => Cow::Borrowed("quota"),
            Self::BadRequest => Cow::Borrowed("bad_request"),
            Self::Interrupted => Cow::Borrowed("interrupted"),
        }
    }
}

impl AttemptError {
    /// The stable word of its kind, of which there are few: statuses by their hundreds, and one for all of providers' codes.
    pub const fn family(self) -> &'static str {
        match self {
            Self::HttpStatus(100..=199) => "http_1xx",
            Self::HttpStatus(200..=299) => "http_2xx",
            Self::HttpStatus(300..=399) => "http_3xx",
            Self::HttpStatus(400..=499) => "http_4xx",
            Self::HttpStatus(500..=599) => "http_5xx",
            Self::HttpStatus(_) => "http_other",
            Self::ProviderCode(_) => "provider",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls(_) => "tls",
            Self::ConnectionLost => "connection_lost",
            Self::BadAnswer => "bad_answer",
            Self::AddressRefused => "address_refused",
            Self::Credentials => "credentials",
            Self::Quota => "quota",
            Self::BadRequest => "bad_request",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for AttemptError {
    /// What is told to the customer, to follow "because".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HttpStatus(status) => {
                write!(formatter, "the endpoint answered with status {status}")
            }
            Self::ProviderCode(code) => write!(formatter, "the provider answered with code {code}"),
            Self::Timeout => formatter.write_str("the endpoint did not answer in time"),
            Self::Dns => formatter.write_str("the name of the endpoint could not be resolved"),
            Self::Connect => formatter.write_str("no connection to the endpoint could be made"),
            Self::Tls(fault) => formatter.write_str(tls_sentence(*fault)),
            Self::ConnectionLost => formatter.write_str("the connection to the endpoint was lost"),
            Self::BadAnswer => formatter.write_str("the answer of the endpoint could not be read"),
            Self::AddressRefused => {
                formatter.write_str("the endpoint is at an address that is not allowed")
            }
            Self::Credentials => {
                formatter.write_str("the provider does not accept the credentials of the service")
            }
            Self::Quota => formatter.write_str("the provider's sending limit is used up"),
            Self::BadRequest => {
                formatter.write_str("no request could be made with the endpoint's settings")
            }
            Self::Interrupted => {
                formatter.write_str("the gateway stopped while the attempt was under way")
            }
        }
    }
}

const fn tls_class(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Expired => "tls_expired",
        TlsFault::NotYetValid => "tls_not_yet_valid",
        TlsFault::WrongName => "tls_wrong_name",
        TlsFault::Untrusted => "tls_untrusted",
        TlsFault::UnfitCertificate => "tls_unfit_certificate",
        TlsFault::Version => "tls_version",
        TlsFault::OurCertificate => "tls_our_certificate",
        TlsFault::Other => "tls",
    }
}

const fn tls_sentence(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Expired => "the certificate of the endpoint has expired",
        TlsFault::NotYetValid => "the certificate of the endpoint is not valid yet",
        TlsFault::WrongName => "the certificate of the endpoint is for another name",
        TlsFault::Untrusted => "the certificate of the endpoint is not signed by anybody trusted",
        TlsFault::UnfitCertificate => "the certificate of the endpoint cannot be used",
        TlsFault::Version => "the endpoint speaks neither TLS 1.2 nor 1.3",
        TlsFault::OurCertificate => "the endpoint does not accept who connects to it",
        TlsFault::Other => "no secure connection to the endpoint could be made",
    }
}

/// Why an attempt did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotStarted {
    /// The recipient has opted out.
    Suppressed,
    /// Somebody has called the message back.
    Cancelled,
    /// Its validity has run out.
    Expired,
    /// An earlier attempt may have sent it, and no receipt has come in the time that one was waited for.
    HoldEnded,
    /// An earlier attempt may have sent it, and a receipt has said what became of it.
    Resolved,
    /// The endpoint is paused, or the lane is being given away.
    LaneClosed,
    /// The replica can no longer be sure that the lane is its own.
    LeaseLost,
    /// Whether the recipient has opted out could not be found out.
    CheckFailed,
}

impl NotStarted {
    /// The stable word.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::HoldEnded => "hold_ended",
            Self::Resolved => "resolved",
            Self::LaneClosed => "lane_closed",
            Self::LeaseLost => "lease_lost",
            Self::CheckFailed => "check_failed",
        }
    }
}
