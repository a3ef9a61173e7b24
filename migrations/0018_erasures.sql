-- Persons who are forgotten on request. What they asked for once, not to be written to, holds all the same: in
-- suppressions.address stands then, after the word "erased:", a keyed hash in place of their address.

-- The key of these hashes, sealed. It is drawn once: under another one no proof would be found again. One row.
create table suppression_key (
    only_row boolean primary key default true check (only_row),
    sealed bytea not null
);

-- Whose list was changed by hand is said in the event itself, and such events are found here.
create index history_of_suppressions on history (ccid, id) where kind in (5, 6) and detail is not null;

-- An erasure is one row: the replica whose task it is reads it, and moves its place on within the transaction that
-- erases.
create table erasures (
    ccid uuid not null,
    id bigint not null,
    -- 0 running, 1 completed, 2 cancelled.
    state smallint not null default 0,
    -- The pseudonym under which the audit speaks of the person.
    person text not null,
    -- Whom it is about, sealed; null once it has ended.
    sealed_address bytea,
    dry_run boolean not null,
    -- Unix milliseconds throughout.
    created_at bigint not null,
    ended_at bigint,
    -- What is being gone through, as in erasures/model.rs, and behind which id it goes on.
    stage smallint not null default 0,
    place bigint not null default 0,
    -- Nothing is done before this time.
    next_at bigint not null default 0,
    -- When something was erased last.
    erased_at bigint not null default 0,
    messages bigint not null default 0,
    conversations bigint not null default 0,
    receipts bigint not null default 0,
    events bigint not null default 0,
    files bigint not null default 0,
    primary key (ccid, id),
    check ((ended_at is null) = (state = 0)),
    check (sealed_address is null or state = 0)
) with (fillfactor = 50);
create index erasures_due on erasures (next_at, id) where state = 0;
create index erasures_ended on erasures (ended_at) where ended_at is not null;

-- The messages and conversations that a running erasure has taken away: what was about to be written of them at that
-- moment is taken away at its end. Rows go with the end of their erasure.
create table erased_subjects (
    ccid uuid not null,
    erasure bigint not null,
    id bigint not null,
    primary key (ccid, erasure, id)
);

-- Files that such messages refer to. One that a message of somebody else refers to as well is taken off again; what is
-- left at the end goes.
create table erased_files (
    ccid uuid not null,
    erasure bigint not null,
    file uuid not null,
    primary key (ccid, erasure, file)
);
