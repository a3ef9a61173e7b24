-- Which incarnation of the data the feed's cursors speak of: it rises when the data is restored into another cluster,
-- where transaction numbers start anew.
create table feed (
    only_row boolean primary key default true check (only_row),
    generation integer not null,
    system_identifier bigint not null
);
insert into feed (generation, system_identifier) select 1, system_identifier from pg_control_system();
