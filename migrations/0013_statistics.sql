-- Work that one replica does for all, and which life does it.
create table tasks (
    name text primary key,
    owner_number smallint not null,
    owner_life bigint not null
) with (fillfactor = 50);

-- How many messages came to what, by hour and channel. A message that failed and was delivered after all is in both.
create table statistics (
    ccid uuid not null,
    -- Hours since 1970-01-01.
    hour integer not null,
    channel_id text not null,
    received bigint not null,
    submitted bigint not null,
    sent bigint not null,
    delivered bigint not null,
    failed bigint not null,
    removed bigint not null,
    cancelled bigint not null,
    retried bigint not null,
    primary key (ccid, hour, channel_id)
) with (fillfactor = 70);
create index statistics_by_hour on statistics (hour);

-- What is not in the totals yet: one row for each write and channel, in the transaction of what it counts, so that no
-- row is ever waited for. Rows live for seconds; null is none.
create table statistics_deltas (
    ccid uuid not null,
    hour integer not null,
    channel_id text not null,
    received integer,
    submitted integer,
    sent integer,
    delivered integer,
    failed integer,
    removed integer,
    cancelled integer,
    retried integer
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
