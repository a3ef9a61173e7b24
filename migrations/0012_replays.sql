-- Dead letters that are sent again in bulk. A job is one row: whoever works on it reads it, moves its place on within
-- the transaction that sends, and nothing of it is only in memory.
create table replays (
    ccid uuid not null,
    id bigint not null,
    -- 0 running, 1 completed, 2 cancelled.
    state smallint not null default 0,
    -- Which dead letters, as JSON, as it was asked for.
    filter text not null,
    rate_per_second double precision not null,
    dry_run boolean not null,
    -- Unix milliseconds throughout.
    created_at bigint not null,
    ended_at bigint,
    -- Whether the dead letters have been counted; they are walked twice, first to count them.
    counted boolean not null default false,
    -- The walk goes on behind this id.
    place bigint not null default 0,
    -- No dead letter is sent before this time.
    next_at bigint not null default 0,
    matched bigint not null default 0,
    queued bigint not null default 0,
    skipped bigint not null default 0,
    -- The life that works on it.
    owner_number smallint,
    owner_life bigint,
    primary key (ccid, id),
    check ((owner_number is null) = (owner_life is null)),
    check ((ended_at is null) = (state = 0))
) with (fillfactor = 50);
create index replays_running on replays (id) where state = 0;
create index replays_ended on replays (ended_at) where ended_at is not null;
