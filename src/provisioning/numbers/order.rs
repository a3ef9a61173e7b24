//! An order, made once: before the service hears of it, the key that it is to call us with is there, and the caller's own
//! key says who works on it.

use std::sync::Arc;

use http::StatusCode;
use reqwest::Request;
use serde_json::Value;

use super::bodies::{OrderBody, OrderedView};
use super::running::Running;
use super::{Numbers, NumbersError};
use crate::audit::{Action, Entry};
use crate::auth::permission::{Permission, PermissionPattern, PermissionSet};
use crate::auth::{KeyTenant, PathTenantCaller};
use crate::connectors::portico::numbers::{self as wire, NumberOrder};
use crate::connectors::portico::settings::PorticoSettings;
use crate::lanes;
use crate::lanes::model::Life;
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{KeyedCall, still_running};
use crate::provisioning::api_keys::{self, ApiKeys, NewKey};
use crate::provisioning::change::Change;
use crate::provisioning::routes::{Begun, State};
use crate::values::Ccid;

/// What a key that was made for an order is called.
const KEY_NAME: &str = "Portico numbers";

/// What the service is to be told, by whoever orders.
#[derive(Debug)]
pub(super) struct Order {
    pub ccid: Ccid,
    pub numbers: Vec<OrderBody>,
    /// Without a slash at its end.
    pub public_url: String,
}

/// Where an order stands when its caller asks for it.
pub(super) enum BegunOrder {
    /// It was made before; this was its answer.
    Before(Answer),
    Anew(Running),
    /// Whoever worked on it is gone, and may have made it.
    Again(Running),
}

impl State {
    /// Begins an order for its caller, or finds it begun.
    pub(super) async fn begin_order(
        &self,
        caller: &PathTenantCaller,
        call: Option<&KeyedCall>,
    ) -> Result<BegunOrder, ApiError> {
        let worker = self.ownership.life().ok_or_else(no_life)?;
        let wanted = NewKey {
            chosen: None,
            tenant: KeyTenant::One(caller.ccid),
            name: KEY_NAME.to_owned(),
            permissions: PermissionSet::from_iter([PermissionPattern::from(
                Permission::CallbacksWrite,
            )]),
            enabled: true,
            expires_at: None,
        };
        // Before anything else, so that nobody orders with a key that they may not make.
        let (key, record) = ApiKeys::prepare(caller.caller.key(), wanted, self.clock.now())?;
        let mut change = match self.begin_once(call).await? {
            Begun::Anew(change) => change,
            Begun::Before(kept) => return self.find_begun(kept, call, worker).await,
        };
        let made = ApiKeys::create(&mut change, &key, &record).await;
        let (change, ()) = change.unless_refused(made).await?;
        let running = Running::new(worker, record.id, key.reveal());
        let entry = api_keys::entry(&caller.caller, Action::KeyCreated, &record);
        self.finish_once(change, call, (&running.kept()?, &entry))
            .await?;
        Ok(BegunOrder::Anew(running))
    }

    /// What was begun under the caller's key: it is answered, somebody works on it, or nobody does any more.
    async fn find_begun(
        &self,
        kept: Answer,
        call: Option<&KeyedCall>,
        worker: Life,
    ) -> Result<BegunOrder, ApiError> {
        let Some(running) = Running::read(&kept) else {
            return Ok(BegunOrder::Before(kept));
        };
        let mut connection = self.pool.acquire().await.map_err(ApiError::unavailable)?;
        let standing = lanes::store::standing_lives(&mut connection).await;
        drop(connection);
        if running.is_worked_on(&standing.map_err(ApiError::unavailable)?) {
            return Err(still_running());
        }
        let mine = running.by(Some(worker));
        let theirs = (&kept, &mine.kept()?);
        if self.keys.replace(&self.pool, call, theirs).await? {
            Ok(BegunOrder::Again(mine))
        } else {
            Err(still_running())
        }
    }

    /// Makes an order that was begun, and keeps what came of it.
    pub(super) async fn make_order(
        self,
        numbers: Numbers,
        order: Order,
        (running, is_again): (Running, bool),
        (call, record): (Option<KeyedCall>, Entry),
    ) -> Result<Answer, ApiError> {
        let begun = running.kept()?;
        let made = numbers.make(&order, &running, is_again).await;
        match made {
            Ok(data) => {
                let answer = Answer::new(StatusCode::OK, OrderedView(data))?;
                self.keys
                    .replace(&self.pool, call.as_ref(), (&begun, &answer))
                    .await?;
                Ok(answer)
            }
            // The service may call us with this key by now; the same call finds out.
            Err(why) if is_again || why.may_be_done() => {
                let left = running.by(None).kept()?;
                self.keys
                    .replace(&self.pool, call.as_ref(), (&begun, &left))
                    .await?;
                Err(why.into())
            }
            Err(why) => {
                self.undo_order(&running, call.as_ref(), record).await?;
                Err(why.into())
            }
        }
    }

    /// Nothing was ordered: the key is of no use, and the call may be made anew.
    async fn undo_order(
        &self,
        running: &Running,
        call: Option<&KeyedCall>,
        record: Entry,
    ) -> Result<(), ApiError> {
        let change = Change::begin(&self.pool).await;
        let mut change = change.map_err(ApiError::unavailable)?;
        ApiKeys::withdraw(&mut change, running.key_id).await?;
        self.keys.forget(change.connection(), call).await?;
        let committed = change.commit(&record, (&self.pool, &self.directory)).await;
        committed.map_err(ApiError::unavailable)
    }
}

impl Numbers {
    /// Orders the numbers; where that may have been done before, only those that are not there yet.
    async fn make(
        &self,
        order: &Order,
        running: &Running,
        is_again: bool,
    ) -> Result<Value, NumbersError> {
        let carrier = self.carrier(order.ccid)?;
        if is_again {
            let there = self.list(order.ccid).await?;
            if order
                .numbers
                .iter()
                .all(|wanted| wire::has(&there, &wanted.tollfree_number))
            {
                return Ok(there);
            }
        }
        let api = Arc::clone(&carrier.api);
        self.ask(&carrier, || order.write(&api, running)).await
    }
}

impl Order {
    fn write(&self, api: &PorticoSettings, running: &Running) -> Option<Request> {
        let ccid = self.ccid.to_string();
        let place = |what| format!("{}/nexus/v3/sms/{what}", self.public_url);
        let (mo_url, dr_url) = (place("message"), place("receipt"));
        let orders: Vec<NumberOrder<'_>> = self
            .numbers
            .iter()
            .map(|number| NumberOrder {
                tollfree_number: &number.tollfree_number,
                comment: number.comment.as_deref(),
                email_address: number.email_address.as_deref(),
                mo_url: &mo_url,
                dr_url: &dr_url,
                webhook_username: &ccid,
                webhook_password: &running.password,
            })
            .collect();
        wire::order(api, &orders)
    }
}

fn no_life() -> ApiError {
    ApiError::busy("this replica is not ready yet")
}
