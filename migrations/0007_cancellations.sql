-- Messages that somebody wants called back and whose lane's owner has not decided yet: it alone knows whether an
-- attempt is under way. Rows live for milliseconds.
create table cancellations (
    ccid uuid not null,
    id bigint not null,
    lane bigint not null,
    primary key (ccid, id)
);
