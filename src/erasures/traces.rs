//! Where else a person is named: conversations, receipts that wait, events, lists and jobs.

use super::step::Work;
use super::store;
use crate::messages::narrowing::Narrowing;
use crate::values::{Address, ChannelType, ReplayId};
use crate::{conversations, history, receipts, replays, suppressions};

/// Rows that one step looks at.
const ROWS_MAX: i64 = 5_000;
/// Receipts that one step looks at more closely.
const RECEIPTS_MAX: i64 = 500;

/// Takes away the person's conversations among some.
pub(super) async fn conversations(work: &mut Work<'_>) -> sqlx::Result<()> {
    let (ccid, after) = (work.job.ccid, work.progress.place);
    let consumer = (ccid, work.address.as_str());
    let theirs =
        conversations::store::of_consumer(&mut *work.connection, consumer, after, ROWS_MAX).await?;
    work.progress.figures.conversations += length(theirs.ids.len());
    if !work.job.dry_run && !theirs.ids.is_empty() {
        conversations::store::erase(&mut *work.connection, ccid, &theirs.ids).await?;
        history::store::erase_of(&mut *work.connection, ccid, &theirs.ids).await?;
        let key = work.key();
        store::note_subjects(&mut *work.connection, key, &theirs.ids).await?;
        work.progress.erased_at = work.now_ms;
    }
    work.go_on(theirs.last);
    Ok(())
}

/// Takes away waiting receipts that name the person.
pub(super) async fn receipts(work: &mut Work<'_>) -> sqlx::Result<()> {
    let (ccid, after) = (work.job.ccid, work.progress.place);
    let text = (ccid, work.address.as_str());
    let found =
        receipts::store::parked_with(&mut *work.connection, text, after, RECEIPTS_MAX).await?;
    let is_full = length(found.len()) == RECEIPTS_MAX;
    let last = found.last().filter(|_| is_full).map(|(id, _)| *id);
    let theirs = found
        .iter()
        .filter(|(_, detail)| names(detail, &work.address));
    let ids: Vec<i64> = theirs.map(|(id, _)| *id).collect();
    work.progress.figures.receipts += length(ids.len());
    if !work.job.dry_run && !ids.is_empty() {
        receipts::store::erase_parked(&mut *work.connection, ccid, &ids).await?;
    }
    work.go_on(last);
    Ok(())
}

/// Takes away what the feed says of suppressions that somebody changed by hand.
pub(super) async fn events(work: &mut Work<'_>) -> sqlx::Result<()> {
    let (ccid, after) = (work.job.ccid, work.progress.place);
    let address = (ccid, work.address.as_str());
    let named =
        history::store::suppressions_naming(&mut *work.connection, address, after, ROWS_MAX)
            .await?;
    work.progress.figures.events += length(named.entries.len());
    if !work.job.dry_run && !named.entries.is_empty() {
        history::store::erase(&mut *work.connection, ccid, &named.entries).await?;
    }
    work.go_on(named.last);
    Ok(())
}

/// Leaves of the person's opt-outs the proof alone, and ends replays of this person's messages.
pub(super) async fn lists(work: &mut Work<'_>) -> sqlx::Result<()> {
    let ccid = work.job.ccid;
    let person = (ccid, work.address.as_str());
    suppressions::store::erase(&mut *work.connection, &work.desk.proofs, person).await?;
    let jobs = replays::store::filters(&mut *work.connection, ccid).await?;
    let theirs: Vec<ReplayId> = jobs
        .iter()
        .filter(|(_, filter)| is_about(filter, &work.address))
        .map(|(id, _)| *id)
        .collect();
    replays::store::forget(&mut *work.connection, ccid, &theirs).await?;
    work.go_on(None);
    Ok(())
}

/// Whether a replay's filter names the person, in whatever way it was written.
fn is_about(filter: &str, person: &Address) -> bool {
    let narrowing = serde_json::from_str::<Narrowing>(filter).ok();
    let address = narrowing.and_then(|narrowing| narrowing.address);
    address.is_some_and(|address| {
        address
            .parse()
            .is_ok_and(|address: Address| address == *person)
    })
}

/// Whether the address stands in a text by itself, and not as a part of a longer one.
fn names(text: &str, person: &Address) -> bool {
    let goes_on: fn(char) -> bool = match person.channel_type() {
        ChannelType::Sms => |beside| beside.is_ascii_digit(),
        ChannelType::Email => |beside| beside.is_alphanumeric() || "._-+@".contains(beside),
    };
    let address = person.as_str();
    text.match_indices(address).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + address.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_the_whole_address_only() {
        let phone: Address = "16505550199".parse().unwrap();
        for text in [
            "16505550199",
            "{\"to\":\"+16505550199\"}",
            "no 16505550199.",
        ] {
            assert!(names(text, &phone), "{text}");
        }
        for text in ["", "116505550199", "165055501991", "1650555019"] {
            assert!(!names(text, &phone), "{text}");
        }
        let mail: Address = "jane@example.com".parse().unwrap();
        assert!(names("to <jane@example.com>", &mail));
        for text in [
            "mary.jane@example.com",
            "jane@example.com.au",
            "jane@example",
        ] {
            assert!(!names(text, &mail), "{text}");
        }
    }

    #[test]
    fn a_replay_is_about_a_person_however_the_number_is_written() {
        let phone: Address = "16505550199".parse().unwrap();
        assert!(is_about("{\"address\":\"+1 650-555-0199\"}", &phone));
        assert!(!is_about("{\"address\":\"16505550198\"}", &phone));
        assert!(!is_about("{}", &phone));
    }
}
