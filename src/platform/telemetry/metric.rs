//! Every metric of the process: its name, its kind, its labels and what it counts.
//!
//! A counter's name ends in `_total`, a histogram's in its unit, a gauge's in what it counts. Labels come from closed
//! sets, so that their number has a limit; tenants, channels and messages are in log lines and in history, never here.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

macro_rules! catalogue {
    ($($(#[doc = $help:literal])+ $name:ident = $kind:ident $text:literal;)+) => {
        $($(#[doc = $help])+ pub const $name: &str = $text;)+

        /// All of them, by name.
        pub const ALL: &[&str] = &[$($text),+];

        /// Tells the recorder what each is.
        pub(super) fn describe() {
            $(describe_one(Kind::$kind, $text, concat!($($help),+));)+
        }
    };
}

catalogue! {
    /// Answers, by `route`, `method` and `status`.
    HTTP_REQUESTS = Counter "nexus_gateway_http_requests_total";
    /// From the end of a request's head to the beginning of its answer, by `route`.
    HTTP_REQUEST_SECONDS = Seconds "nexus_gateway_http_request_seconds";
    /// Requests and connections that were answered 503 at once because too many were open.
    HTTP_SHED = Counter "nexus_gateway_http_shed_total";
    /// Requests that were answered 503 because their handler did not answer in time.
    HTTP_LATE = Counter "nexus_gateway_http_late_total";
    /// Open connections of all listeners.
    HTTP_CONNECTIONS = Gauge "nexus_gateway_http_connections";
    /// Calls whose credentials were missing or wrong, by `answer`: `refused` (401), `slowed` (429, because there were
    /// too many from that address or for that tenant).
    AUTHENTICATIONS_FAILED = Counter "nexus_gateway_authentications_failed_total";
    /// Calls whose `Idempotency-Key` had been used before or could not be, by `outcome`: `again` (answered as the
    /// first time), `running`, `other_request`, `too_many`.
    IDEMPOTENCY_KEYS_MET = Counter "nexus_gateway_idempotency_keys_met_total";
    /// Tries to open a sealed value that failed, by `table`: it was changed, belongs elsewhere, or its master key is not
    /// configured.
    SEALED_VALUES_NOT_OPENED = Counter "nexus_gateway_sealed_values_not_opened_total";
    /// Tasks and handlers that panicked.
    PANICS = Counter "nexus_gateway_panics_total";

    /// Messages that were stored, by `direction`.
    MESSAGES_ACCEPTED = Counter "nexus_gateway_messages_accepted_total";
    /// Messages that were not stored, by `reason`: conflict, suppressed, refused, unavailable.
    MESSAGES_REFUSED = Counter "nexus_gateway_messages_refused_total";
    /// From the first write of a batch to its end, whatever that was, by `committer`.
    COMMIT_SECONDS = Seconds "nexus_gateway_commit_seconds";
    /// Tries to write a batch that failed, by `committer` and `fault`.
    COMMITS_FAILED = Counter "nexus_gateway_commits_failed_total";
    /// Items that were handed to a committer and are not durable yet, by `committer`: accept, receipts, results,
    /// announcements.
    COMMITS_PENDING = Gauge "nexus_gateway_commits_pending_items";

    /// Attempts that ended, by `connector`, `outcome` and `error`.
    ATTEMPTS = Counter "nexus_gateway_attempts_total";
    /// From the beginning of an attempt to its end, by `connector` and `outcome`.
    ATTEMPT_SECONDS = Seconds "nexus_gateway_attempt_seconds";
    /// Attempts that the gate kept from beginning, by `reason`.
    ATTEMPTS_NOT_STARTED = Counter "nexus_gateway_attempts_not_started_total";
    /// Attempts under way.
    ATTEMPTS_OPEN = Gauge "nexus_gateway_attempts_open";
    /// From the acceptance of a message (or the time it was scheduled for) to its being taken by the provider, by
    /// `connector`.
    DELIVERY_SECONDS = Seconds "nexus_gateway_delivery_seconds";
    /// Messages that became dead letters, by `code`.
    DEAD_LETTERS = Counter "nexus_gateway_dead_letters_total";
    /// Jobs that send dead letters again, by the `state` that they came to: running, completed, cancelled.
    REPLAYS = Counter "nexus_gateway_replays_total";
    /// Dead letters that these jobs met, by `outcome`: queued, skipped.
    REPLAYED_MESSAGES = Counter "nexus_gateway_replayed_messages_total";
    /// Steps of these jobs that failed and are tried again.
    REPLAY_STEPS_FAILED = Counter "nexus_gateway_replay_steps_failed_total";
    /// Jobs that take away everything of a person, by the `state` that they came to: running, completed, cancelled.
    ERASURES = Counter "nexus_gateway_erasures_total";
    /// Messages that these jobs took away.
    ERASED_MESSAGES = Counter "nexus_gateway_erased_messages_total";
    /// Steps of these jobs that failed and are tried again.
    ERASURE_STEPS_FAILED = Counter "nexus_gateway_erasure_steps_failed_total";
    /// Wishes to cancel a message that was Queued, by `outcome`: cancelled, refused, `under_way`.
    CANCELLATIONS = Counter "nexus_gateway_cancellations_total";
    /// Times that wishes to cancel could not be decided for want of the store; they are tried again.
    CANCELLATIONS_FAILED = Counter "nexus_gateway_cancellations_failed_total";
    /// Endpoints that were tested by hand, by `outcome`.
    ENDPOINT_TESTS = Counter "nexus_gateway_endpoint_tests_total";
    /// Times that an endpoint was parked because it failed again and again.
    ENDPOINTS_PARKED = Counter "nexus_gateway_endpoints_parked_total";
    /// Times that an endpoint was paused because it said that it is gone.
    ENDPOINTS_PAUSED = Counter "nexus_gateway_endpoints_paused_total";
    /// Suppression checks that failed or came too late; no attempt begins without one.
    SUPPRESSION_CHECKS_FAILED = Counter "nexus_gateway_suppression_checks_failed_total";

    /// Receipts that were taken, by `result`: applied, parked, refused.
    RECEIPTS = Counter "nexus_gateway_receipts_total";
    /// Receipts that wait for the message they are about.
    RECEIPTS_PARKED = Gauge "nexus_gateway_receipts_parked";
    /// Receipts that were given up because their message never became known.
    RECEIPTS_UNKNOWN = Counter "nexus_gateway_receipts_unknown_total";

    /// Uploads that ended, by `result`: stored, unauthorized, malformed, `too_large`, `wrong_type`, busy,
    /// `tenant_full`, unavailable; again and `key_refused` of calls with an `Idempotency-Key`.
    MEDIA_UPLOADS = Counter "nexus_gateway_media_uploads_total";
    /// Bytes of files that were stored.
    MEDIA_BYTES_STORED = Counter "nexus_gateway_media_stored_bytes_total";
    /// Downloads, by `result`: begun, `not_found`, beyond, busy, unavailable; broken, of those that were begun.
    MEDIA_DOWNLOADS = Counter "nexus_gateway_media_downloads_total";
    /// What uploads that are under way have on disk.
    SPOOL_BYTES = Gauge "nexus_gateway_spool_bytes";

    /// For how long a write transaction somewhere on the server has held the event feed back.
    FEED_LAG_SECONDS = Gauge "nexus_gateway_feed_lag_seconds";

    /// 1 while everything is held since a restore, else 0.
    RESTORE_HOLD = Gauge "nexus_gateway_restore_hold_in_force";
    /// Messages of which a restore left open whether they were sent.
    RESTORED_UNKNOWN = Counter "nexus_gateway_restored_unknown_total";
    /// Batches of restored messages that could not be marked and are tried again.
    RESTORE_BATCHES_FAILED = Counter "nexus_gateway_restore_batches_failed_total";

    /// Lanes whose sender this replica is.
    LANES_OWNED = Gauge "nexus_gateway_lanes_owned";
    /// Reads of a lane's rows that failed and are repeated.
    LANE_READS_FAILED = Counter "nexus_gateway_lane_reads_failed_total";
    /// Counts of a lane's backlog that failed; its limit does not hold until one succeeds.
    BACKLOG_COUNTS_FAILED = Counter "nexus_gateway_backlog_counts_failed_total";
    /// Replicas that this one found silent for a lease, whose lanes passed on.
    LEASE_TAKEOVERS = Counter "nexus_gateway_lease_takeovers_total";
    /// Times that this replica was declared dead and began anew.
    LIVES_LOST = Counter "nexus_gateway_lives_lost_total";
    /// Ticks of the lease that failed.
    TICKS_FAILED = Counter "nexus_gateway_ticks_failed_total";
    /// Calls to agents' platforms, by outcome; `given_up`: messages that were not handed over.
    HANDED_OVER = Counter "nexus_gateway_handed_over_total";
    /// Wake-ups between replicas that were not sent or may not have been heard; a sweep finds what they were about.
    WAKE_UPS_FAILED = Counter "nexus_gateway_wake_ups_failed_total";
    /// Reads of the directory that failed; what was in force stays so.
    DIRECTORY_READS_FAILED = Counter "nexus_gateway_directory_reads_failed_total";
    /// Partitions past their retention that could not be dropped yet because somebody was reading them.
    PARTITIONS_IN_USE = Counter "nexus_gateway_partitions_in_use_total";
    /// Rounds of folding statistics that failed; nothing of them is lost, and reading them takes longer.
    STATISTICS_FOLDS_FAILED = Counter "nexus_gateway_statistics_folds_failed_total";
    /// Rounds of chaining records of who changed what that failed; the records are there and are chained later.
    AUDIT_ROUNDS_FAILED = Counter "nexus_gateway_audit_rounds_failed_total";
    /// Uses of keys of every tenant that are not on record, because too many were to be noted at once.
    KEY_USES_MISSED = Counter "nexus_gateway_key_uses_missed_total";
    /// Rounds of clean-up that failed.
    CLEAN_UPS_FAILED = Counter "nexus_gateway_clean_ups_failed_total";
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Seconds,
}

fn describe_one(kind: Kind, name: &'static str, help: &'static str) {
    let help = help.trim();
    match kind {
        Kind::Counter => describe_counter!(name, Unit::Count, help),
        Kind::Gauge => describe_gauge!(name, Unit::Count, help),
        Kind::Seconds => describe_histogram!(name, Unit::Seconds, help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_metric_says_whose_it_is_and_what_it_counts() {
        let units = [
            "_total",
            "_seconds",
            "_connections",
            "_items",
            "_open",
            "_parked",
            "_owned",
            "_bytes",
            "_in_force",
        ];
        for name in ALL {
            assert!(name.starts_with("nexus_gateway_"), "{name}");
            assert!(units.iter().any(|unit| name.ends_with(unit)), "{name}");
            assert_eq!(
                ALL.iter().filter(|other| *other == name).count(),
                1,
                "{name}"
            );
        }
    }
}
