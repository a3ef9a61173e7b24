//! The lives of replicas: how ours begins and ends, and how others are declared dead.

use tracing::{error, info, warn};

use super::{LAST_WORDS_MAX, Replica};
use crate::lanes::model::Life;
use crate::lanes::ownership::LaneSignal;
use crate::lanes::store;
use crate::platform::database::within;
use crate::platform::telemetry::metric;

impl Replica {
    pub(super) async fn register(&mut self) -> sqlx::Result<Life> {
        let lease_ms = i64::try_from(self.lease().as_millis()).unwrap_or(i64::MAX);
        let connection = self.connection().await?;
        let registration = loop {
            if let Some(registration) = store::register(connection, lease_ms).await? {
                break registration;
            }
        };
        info!(
            replica = registration.life.number,
            life = registration.life.life,
            "This replica has begun a life"
        );
        self.context.ids.raise_floor(registration.floor_ms);
        self.life = Some(registration.life);
        Ok(registration.life)
    }

    /// Declares a replica dead that was last seen with this beat, and frees its lanes. If it has beaten since, it lives.
    pub(super) async fn bury(&mut self, life: Life, beat: i64) -> sqlx::Result<()> {
        let connection = self.connection().await?;
        if store::bury(connection, life, beat).await? {
            warn!(
                replica = life.number,
                life = life.life,
                "A replica has gone silent; its lanes pass on"
            );
            metrics::counter!(metric::LEASE_TAKEOVERS).increment(1);
        }
        Ok(())
    }

    /// Somebody declared us dead: our lanes are others' now, and we begin again as somebody new.
    pub(super) fn life_ended(&mut self, life: Life) {
        metrics::counter!(metric::LIVES_LOST).increment(1);
        error!(
            replica = life.number,
            life = life.life,
            "This replica was declared dead; it begins a new life"
        );
        self.leave_lanes();
    }

    /// Gives our life and all lanes up, to begin again with what the table says.
    pub(super) async fn begin_anew(&mut self, life: Life) -> sqlx::Result<()> {
        let connection = self.connection().await?;
        store::end_life(connection, life).await?;
        self.leave_lanes();
        Ok(())
    }

    fn leave_lanes(&mut self) {
        for lane in self.context.ownership.end_life() {
            lane.signal(LaneSignal::Release);
        }
        self.life = None;
        self.watch.interrupt();
    }

    pub(super) async fn end(mut self) {
        let Some(life) = self.life else { return };
        let ended = within(LAST_WORDS_MAX, async {
            let connection = self.connection().await?;
            store::end_life(connection, life).await
        });
        if let Err(error) = ended.await {
            warn!(error.cause = %error, "This life could not be ended; the others will find it silent");
        }
    }
}
