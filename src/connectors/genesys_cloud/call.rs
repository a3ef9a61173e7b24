//! One call to the API with a token.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Url};

use super::login::ClientCredentials;
use super::tokens::{NoToken, Token, Tokens};
use crate::connectors::outcome::AttemptError;
use crate::platform::outbound::{Answer, ExchangeFailed, OutboundClients, exchange};

/// The API does not accept the token.
const UNAUTHORIZED: u16 = 401;

/// Why a call was not made, or not taken by an API that wanted another token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCalled {
    NoToken(NoToken),
    /// There is no form for it.
    Unwritable,
}

/// Makes a call with a token of these credentials. If the API does not accept the token, that one is discarded, and the
/// call made once more with another: an answer of 401 is then about the credentials. `write` writes the request anew
/// each time; `budget` is for all of it.
///
/// # Errors
///
/// [`NotCalled`]. What came of a call that was made is the inner result.
pub async fn call(
    tokens: &Tokens,
    credentials: &ClientCredentials,
    clients: &OutboundClients,
    budget: Duration,
    write: impl Fn() -> Option<Request>,
) -> Result<Result<Answer, ExchangeFailed>, NotCalled> {
    let began = tokens.clock().monotonic();
    let left = || budget.saturating_sub(tokens.clock().monotonic().duration_since(began));
    let token = within(left(), tokens.get(credentials)).await?;
    let request = authorized(&write, &token)?;
    let first = exchange(&clients.client(), request, left()).await;
    if !matches!(&first, Ok(answer) if answer.status == UNAUTHORIZED) {
        return Ok(first);
    }
    tokens.discard(credentials, &token);
    let token = within(left(), tokens.get(credentials)).await?;
    let request = authorized(&write, &token)?;
    Ok(exchange(&clients.client(), request, left()).await)
}

/// The address of a call below an API host, whose URL may have a path of its own.
pub fn below(host: &Url, path: &[&str]) -> Url {
    let mut place = host.clone();
    if let Ok(mut segments) = place.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    place
}

async fn within(
    budget: Duration,
    token: impl Future<Output = Result<Token, NoToken>>,
) -> Result<Token, NotCalled> {
    let late = NoToken::Unavailable {
        reason: AttemptError::Timeout,
        after: None,
    };
    let token = tokio::time::timeout(budget, token).await;
    token.unwrap_or(Err(late)).map_err(NotCalled::NoToken)
}

fn authorized(write: impl Fn() -> Option<Request>, token: &Token) -> Result<Request, NotCalled> {
    let mut request = write().ok_or(NotCalled::Unwritable)?;
    request.headers_mut().insert(AUTHORIZATION, token.header());
    Ok(request)
}
