-- Plans on the message path are made once per connection, often while a table is empty, and serve when it holds millions.

-- It began with the tenant and held the id, so that a look-up by both could be planned through it instead of through the
-- primary key: a walk through all of the tenant's entries for each row.
drop index messages_by_consumer;
create index messages_by_consumer on messages ((case direction when 0 then sender_address else recipient_address end), ccid, id);

-- The primary key serves backwards too.
drop index conversations_recent;

-- Of no lane and no tenant, never read. A table that was empty when it was last vacuumed counts as one row, and a join
-- with it would read all of it for each key.
insert into deliveries (ccid, lane, stamp, own, id, priority, expires_at)
select '00000000-0000-0000-0000-000000000000', 0, 0, false, number, 0, 0 from generate_series(1, 200) as number;

-- What is old enough is forgotten by time, whosever it is.
create index dead_letters_by_time on dead_letters (id);
