-- Who is alive, and which replica sends for which destination. Small tables that cross tenants.

-- One row per replica number. A number is taken over by a new life once its holder is dead.
create table replicas (
    number smallint primary key check (number between 0 and 1023),
    life bigint not null,
    -- Milliseconds since 1970 on this database's clock at the last tick; rises with every tick.
    beat bigint not null,
    -- Whether it takes lanes at this time: not while it stops, and never if it only answers.
    sends boolean not null default false,
    -- Its lanes with open attempts at the last tick, and how many each; no more than it may have open.
    busy_lanes bigint[] not null default '{}',
    busy_attempts integer[] not null default '{}'
) with (fillfactor = 20);

-- One row per life of a replica. Its end is one compare-and-set; whoever writes as this life locks the row for share.
create table lives (
    number smallint not null,
    life bigint not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (number, life)
);

-- One destination of one tenant: the unit of ownership, order, rate and breaker state.
create table lanes (
    lane bigint generated always as identity primary key,
    ccid uuid not null,
    -- The connector's word, and the channel or account that it sends for.
    connector text not null,
    target text not null,
    -- Raised by every accept of a replica that does not own the lane; see lanes/mod.rs.
    stamp bigint not null default 0,
    owner_number smallint,
    owner_life bigint,
    paused boolean not null default false,
    -- Unix milliseconds; the breaker's memory across owners.
    parked_until bigint,
    failures_in_a_row integer not null default 0,
    last_error text,
    unique (ccid, connector, target),
    check ((owner_number is null) = (owner_life is null))
) with (fillfactor = 50);
create index lanes_without_owner on lanes (lane) where owner_number is null;
create index lanes_by_owner on lanes (owner_number, owner_life) where owner_number is not null;

-- What is still to be sent. Rows are narrow and are deleted when done.
-- Order within a lane is (stamp, own, id). No index holds attempt or announced_at, so announcing is HOT.
create table deliveries (
    ccid uuid not null,
    lane bigint not null,
    stamp bigint not null,
    -- Whether the lane's owner accepted it; rows of other replicas with the same stamp come first.
    own boolean not null,
    id bigint not null,
    priority smallint not null,
    -- Attempts that have ended.
    attempt smallint not null default 0,
    -- Unix milliseconds throughout. due_at null: at once, in order. expires_at: the message's end.
    due_at bigint,
    expires_at bigint not null,
    -- Until when successors to the same recipient wait for this one.
    holds_until bigint,
    -- Set before the first byte of an attempt leaves, where repeats are not safe.
    announced_at bigint,
    primary key (ccid, lane, stamp, own, id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index deliveries_due on deliveries (lane, due_at, id) where due_at is not null;
