//! After the database was restored to a point in time.
//!
//! What was queued then may have been sent since, in a time that the data know nothing of, and people may have opted
//! out in it. So everything is held: lanes are owned and send nothing, on any replica, because the hold is a row that
//! each of them sees with its tick. What was due by then becomes `Unknown`; the rest, and what is accepted meanwhile,
//! stays `Queued`. Once the newer suppressions were imported, somebody lets go. Then `Unknown` messages are sent again
//! where the provider takes our id, and wait for a receipt where it does not, like any other.
//!
//! Ids of messages are times on the database's clock, so those that were given out after the point in time are not
//! given again as long as that clock has gone on.

mod marker;

pub use marker::Marker;

use tracing::{info, warn};

use crate::audit::model::Author;
use crate::audit::{self, Action, Entry};
use crate::history;
pub use crate::lanes::store::Released;

use crate::lanes::store::{self as lanes, HoldAsked};
use crate::platform::database::Database;

/// What is held, in records of who did it: there is one hold.
const HOLD: &str = "restore";

/// Holds everything until [`release`], once for each restore: to ask again changes nothing.
pub async fn hold(database: &Database) -> sqlx::Result<()> {
    let mut transaction = database.jobs.begin().await?;
    let asked = lanes::ask_for_hold(&mut transaction).await?;
    if asked == HoldAsked::Begun {
        // What readers have seen of the feed after the point in time is not in it any more.
        history::store::begin_generation(&mut transaction).await?;
        let begun = (Action::HoldBegun, HOLD);
        let record = Entry::without_key(Author::CommandLine, begun);
        audit::store::append(&mut transaction, &record).await?;
    }
    transaction.commit().await?;
    match asked {
        HoldAsked::Begun => warn!(
            "The data were restored: everything is held until `nexus-gateway restore release`, and readers of the feed \
             begin anew"
        ),
        HoldAsked::InForce => info!("The hold of an earlier start is in force for this restore"),
        HoldAsked::ReleasedBefore => {
            warn!("This restore was held and released before; --after-restore does nothing");
        }
    }
    Ok(())
}

/// Lets everything go that is held. Every replica sees it with its next tick.
pub async fn release(database: &Database) -> sqlx::Result<Released> {
    let mut transaction = database.jobs.begin().await?;
    let released = lanes::release_hold(&mut transaction).await?;
    if let Released::Now { .. } = released {
        let released = (Action::HoldReleased, HOLD);
        let record = Entry::without_key(Author::CommandLine, released);
        audit::store::append(&mut transaction, &record).await?;
    }
    transaction.commit().await?;
    Ok(released)
}
