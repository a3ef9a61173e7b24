//! Tokens, kept in memory for as long as they are good. Every lane and every route of a replica that has the same
//! credentials shares one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use super::login::{self, ClientCredentials, Fingerprint};
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::platform::clock::Clock;
use crate::platform::outbound::{OutboundClient, OutboundClients};

/// A token is renewed so long before its end, or a quarter of its life where that is shorter.
const MARGIN_MAX: Duration = Duration::from_mins(5);
const MARGIN_SHARE: u32 = 4;
/// After a renewal that failed, the token before it is used for so long before the next one.
const RENEWAL_PAUSE_MS: i64 = 10_000;

/// What a call to the API shows; cheap to clone.
#[derive(Clone)]
pub struct Token(Arc<Bearer>);

struct Bearer {
    /// Marked as sensitive.
    header: HeaderValue,
    /// Unix milliseconds.
    renewed_at_ms: i64,
    ends_at_ms: i64,
}

/// Why there is no token. Nothing was sent then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// The login host does not know this client or its secret.
    Credentials,
    /// The login host gave none; it may do so later.
    Unavailable {
        reason: AttemptError,
        /// What it asked to be left alone for.
        after: Option<Duration>,
    },
}

/// All tokens of this replica; clones share them.
#[derive(Debug, Clone)]
pub struct Tokens {
    clock: Clock,
    clients: OutboundClients,
    sources: Arc<Mutex<HashMap<Fingerprint, Arc<Source>>>>,
}

/// The token of one client.
#[derive(Debug)]
struct Source {
    credentials: ClientCredentials,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// The question that is under way. It lives as long as somebody waits for its answer.
    question: Option<WeakShared<Question>>,
    /// Unix milliseconds.
    no_renewal_before_ms: i64,
}

type Question = BoxFuture<'static, Result<Token, NoToken>>;

/// What whoever wants a token is given at once.
enum Given {
    Token(Token),
    /// The answer to a question; where that is no token, one that is still good.
    Question(Shared<Question>, Option<Token>),
}

impl Token {
    /// `None` where it does not fit into a header.
    pub(super) fn new(text: &str, now_ms: i64, life: Duration) -> Option<Self> {
        let text = Zeroizing::new(format!("Bearer {text}"));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        let renewed_after = life.saturating_sub(MARGIN_MAX.min(life / MARGIN_SHARE));
        Some(Self(Arc::new(Bearer {
            header,
            renewed_at_ms: now_ms.saturating_add(whole_ms(renewed_after)),
            ends_at_ms: now_ms.saturating_add(whole_ms(life)),
        })))
    }

    /// The header `Authorization`, kept out of debug output.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.header.clone()
    }

    fn is_good(&self, now_ms: i64) -> bool {
        now_ms < self.0.ends_at_ms
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(********)")
    }
}

impl NoToken {
    /// What it means for a message that was to be sent with one. Nothing was tried, and nothing can be until there is a
    /// token: the lane waits, and no attempt is charged.
    pub fn outcome(self, now_ms: i64) -> Outcome {
        match self {
            Self::Credentials => Outcome::Barred {
                reason: AttemptError::Credentials,
                until: None,
            },
            Self::Unavailable { reason, after } => Outcome::Barred {
                reason,
                until: after.map(|after| now_ms.saturating_add(whole_ms(after))),
            },
        }
    }
}

impl Tokens {
    /// Asks through these clients, which guard where they connect.
    pub fn new(clock: Clock, clients: OutboundClients) -> Self {
        Self {
            clock,
            clients,
            sources: Arc::default(),
        }
    }

    /// A token that is good now. However many want one at the same time, the login host is asked once.
    ///
    /// # Errors
    ///
    /// [`NoToken`], to everybody who waited for the same answer.
    pub async fn get(&self, credentials: &ClientCredentials) -> Result<Token, NoToken> {
        let source = self.source(credentials);
        match self.given(&source) {
            Given::Token(token) => Ok(token),
            Given::Question(question, meanwhile) => {
                let answer = question.await;
                let still_good = meanwhile.filter(|token| token.is_good(self.clock.now_ms()));
                answer.or_else(|why| still_good.ok_or(why))
            }
        }
    }

    /// The API did not accept this token: it is given to nobody any more.
    pub fn discard(&self, credentials: &ClientCredentials, refused: &Token) {
        let source = self.source(credentials);
        let mut state = source.state();
        if state.token.as_ref().is_some_and(|token| token.is(refused)) {
            state.token = None;
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn given(&self, source: &Arc<Source>) -> Given {
        let now_ms = self.clock.now_ms();
        let mut state = source.state();
        let held = state.token.clone().filter(|token| token.is_good(now_ms));
        let question = state.question.as_ref().and_then(WeakShared::upgrade);
        let question = question.filter(|question| question.peek().is_none());
        match (held, question) {
            // Somebody renews it already.
            (Some(token), Some(_)) => Given::Token(token),
            (Some(token), None)
                if now_ms < token.0.renewed_at_ms.max(state.no_renewal_before_ms) =>
            {
                Given::Token(token)
            }
            (None, Some(question)) => Given::Question(question, None),
            (held, None) => {
                let client = self.clients.client();
                let question = question_of(Arc::clone(source), client, self.clock.clone());
                let question = question.boxed().shared();
                state.question = question.downgrade();
                Given::Question(question, held)
            }
        }
    }

    /// The place of a client's token. Those whose tokens have ended are forgotten when there is a new one.
    fn source(&self, credentials: &ClientCredentials) -> Arc<Source> {
        let fingerprint = credentials.fingerprint();
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(&fingerprint) {
            return Arc::clone(source);
        }
        let now_ms = self.clock.now_ms();
        sources.retain(|_, source| Arc::strong_count(source) > 1 || source.is_of_use(now_ms));
        let source = Arc::new(Source {
            credentials: credentials.clone(),
            state: Mutex::default(),
        });
        sources.insert(fingerprint, Arc::clone(&source));
        source
    }
}

impl Source {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of_use(&self, now_ms: i64) -> bool {
        let state = self.state();
        let token = state.token.as_ref();
        token.is_some_and(|token| token.is_good(now_ms))
    }
}

/// Asks for a token and keeps it.
async fn question_of(
    source: Arc<Source>,
    client: OutboundClient,
    clock: Clock,
) -> Result<Token, NoToken> {
    let answer = login::ask(&client, &source.credentials, &clock).await;
    let mut state = source.state();
    match &answer {
        Ok(token) => state.token = Some(token.clone()),
        Err(_) => state.no_renewal_before_ms = clock.now_ms().saturating_add(RENEWAL_PAUSE_MS),
    }
    answer
}

fn whole_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
