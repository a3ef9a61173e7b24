-- Files that messages refer to. The week is that of the file's id, a version 7 UUID, so a look-up touches one partition.
-- Partitions are made ahead of time and dropped by the gateway; see platform/database/partitions.rs.

create table media (
    ccid uuid not null,
    -- Weeks since 1970-01-01.
    week integer not null,
    id uuid not null,
    -- Through which channel it came.
    channel_id text not null,
    filename text not null,
    mimetype text not null,
    length bigint not null,
    primary key (ccid, week, id) include (length)
) partition by range (week);

-- The bytes of a file, in rows of 256 KiB but for the last. They are written before the file's own row, which makes
-- them count; rows without one go with their partition.
create table media_chunks (
    ccid uuid not null,
    week integer not null,
    id uuid not null,
    number integer not null,
    bytes bytea not null,
    primary key (ccid, week, id, number)
) partition by range (week);
-- What is sent as a file is compressed already.
alter table media_chunks alter column bytes set storage external;
