-- Up to where those who are told of a tenant's events, one lane each, have been told. A row for each of them, and no
-- more: it goes with its tenant.
create table followers (
    ccid uuid not null,
    lane bigint not null,
    -- The incarnation of the data that the place speaks of, and the place itself as the feed's order has it.
    generation integer not null,
    transaction xid8 not null,
    id bigint not null,
    primary key (ccid, lane)
) with (fillfactor = 50);
