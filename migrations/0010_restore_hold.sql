-- Whether the data was restored to a point in time and everything is held since. One row, of the last restore.
create table restore_hold (
    only_row boolean primary key default true check (only_row),
    -- Which incarnation of the data it is about: cluster, timeline, database and this table.
    data text not null,
    -- Unix milliseconds.
    began_at bigint not null,
    -- Ids below it may be of messages that were accepted before the restore.
    frontier bigint not null,
    -- The last delivery that was marked or passed over, in the order of their key. All null: none yet.
    ccid uuid,
    lane bigint,
    stamp bigint,
    own boolean,
    id bigint,
    -- Messages that were made Unknown so far.
    marked bigint not null default 0,
    is_marked boolean not null default false,
    -- Unix milliseconds; null: the hold is in force.
    released_at bigint
);
