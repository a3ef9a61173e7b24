-- Which calls have been made under an Idempotency-Key, per tenant; the nil tenant stands for callers of every tenant.
-- A row is written in the transaction of the call's own work, so there is one only where the work was done.
create table idempotency_keys (
    ccid uuid not null,
    key text not null,
    -- SHA-256 over method, path and body.
    request bytea not null,
    -- Of a submission: the id of its first message, by which a flush that is written again knows its own key.
    claimant bigint,
    -- Of a submission: what became of each message, as JSON, from which its answer is rendered again.
    results text,
    -- Of any other call: its answer, which may show a secret.
    sealed_answer bytea,
    -- Unix milliseconds.
    created_at bigint not null,
    primary key (ccid, key)
) with (fillfactor = 70);
create index idempotency_keys_by_time on idempotency_keys (created_at);
