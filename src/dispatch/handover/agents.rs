//! Calls to the platform where agents work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Request;
use time::OffsetDateTime;

use crate::connectors::genesys_cloud::{self, ClientCredentials, NotCalled, Tokens};
use crate::connectors::open_messaging::integration::{self, Found, PAGES_MAX};
use crate::connectors::open_messaging::send::{self, Call};
use crate::connectors::open_messaging::settings::Integration;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::platform::clock::Clock;
use crate::platform::outbound::{Answer, ExchangeFailed, OutboundClients};
use crate::provisioning::directory::Handover;
use crate::values::{Ccid, ReasonCode};

/// For one call with everything that it needs: a token, and once the integration's id.
const BUDGET: Duration = Duration::from_secs(10);

/// Makes calls with each tenant's own credentials; clones share what was found out on the way.
#[derive(Debug, Clone)]
pub struct Agents {
    clock: Clock,
    tokens: Tokens,
    clients: OutboundClients,
    /// Ids of integrations that services name by their names, as long as the settings stay as they are.
    integrations: Arc<Mutex<HashMap<Ccid, (OffsetDateTime, String)>>>,
}

impl Agents {
    pub fn new(clock: Clock, clients: OutboundClients) -> Self {
        Self {
            tokens: Tokens::new(clock.clone(), clients.clone()),
            clock,
            clients,
            integrations: Arc::default(),
        }
    }

    /// The tokens of all who call the platform.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Makes one call. A repeat of one that was taken is taken again, and changes nothing.
    pub(super) async fn hand_in(&self, handover: &Handover, call: &Call) -> Outcome {
        let integration = match self.integration(handover).await {
            Ok(integration) => integration,
            Err(outcome) => return outcome,
        };
        let settings = &handover.settings;
        let write = || send::request(settings, &integration, call);
        match self.call(handover, write).await {
            Ok(result) => {
                let outcome = send::interpret(result, self.clock.now_ms());
                if is_gone(&outcome) {
                    // It may have been made anew under its name.
                    self.forget(handover.ccid);
                }
                outcome
            }
            Err(not_called) => self.not_called(not_called),
        }
    }

    /// The id of the integration: as it was said, or looked for by its name.
    async fn integration(&self, handover: &Handover) -> Result<String, Outcome> {
        let name = match &handover.settings.integration {
            Integration::Id(id) => return Ok(id.clone()),
            Integration::Name(name) => name,
        };
        if let Some((_, id)) = self
            .known()
            .get(&handover.ccid)
            .filter(|(saved_at, _)| *saved_at == handover.saved_at)
        {
            return Ok(id.clone());
        }
        let id = self.look_up(handover, name).await?;
        self.known()
            .insert(handover.ccid, (handover.saved_at, id.clone()));
        Ok(id)
    }

    async fn look_up(&self, handover: &Handover, name: &str) -> Result<String, Outcome> {
        for page in 1..=PAGES_MAX {
            let write = || integration::request(&handover.settings, page);
            let called = self.call(handover, write).await;
            let result = called.map_err(|why| self.not_called(why))?;
            let found = result
                .as_ref()
                .ok()
                .and_then(|answer| integration::find(answer, name, page));
            match found {
                Some(Found::Id(id)) => return Ok(id),
                Some(Found::NotHere) => {}
                Some(Found::Nowhere) => return Err(nowhere()),
                None => {
                    let outcome = send::interpret(result, self.clock.now_ms());
                    return Err(about_the_endpoint(outcome));
                }
            }
        }
        Err(nowhere())
    }

    async fn call(
        &self,
        handover: &Handover,
        write: impl Fn() -> Option<Request>,
    ) -> Result<Result<Answer, ExchangeFailed>, NotCalled> {
        let credentials = credentials(handover);
        genesys_cloud::call(&self.tokens, &credentials, &self.clients, BUDGET, write).await
    }

    fn not_called(&self, why: NotCalled) -> Outcome {
        match why {
            NotCalled::NoToken(no_token) => no_token.outcome(self.clock.now_ms()),
            NotCalled::Unwritable => Outcome::Barred {
                reason: AttemptError::BadRequest,
                until: None,
            },
        }
    }

    fn forget(&self, ccid: Ccid) {
        self.known().remove(&ccid);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Ccid, (OffsetDateTime, String)>> {
        self.integrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn credentials(handover: &Handover) -> ClientCredentials {
    let settings = &handover.settings;
    ClientCredentials {
        login_url: settings.login_url.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
    }
}

fn is_gone(outcome: &Outcome) -> bool {
    outcome.error() == Some(AttemptError::HttpStatus(404))
}

/// There is no integration of this name, or not yet.
fn nowhere() -> Outcome {
    Outcome::Barred {
        reason: AttemptError::HttpStatus(404),
        until: None,
    }
}

/// What a list of integrations that was not to be had comes to: whatever was refused, it was not a message.
fn about_the_endpoint(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused { detail, .. } => Outcome::Refused {
            reason: ReasonCode::General,
            detail,
            endpoint_fault: true,
            pause_endpoint: false,
        },
        // It came, and cannot be read.
        Outcome::Accepted { .. } => Outcome::Barred {
            reason: AttemptError::BadAnswer,
            until: None,
        },
        Outcome::Retry { .. }
        | Outcome::Barred { .. }
        | Outcome::Unknown { .. }
        | Outcome::NotStarted { .. } => outcome,
    }
}
