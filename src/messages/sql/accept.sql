-- Stores one flush of accepted messages: the message rows, the deliveries of those to be sent, the events of those
-- received, and what their keywords do to suppressions. Nothing is stored unless the accepting life still stands.
--
-- De-duplication keys and conversations are settled here too where they come with the messages. Then whoever was first
-- with a key, or opens a conversation in the same moment, makes the whole statement fail: 23505 (unique violation), or
-- 23502 (not null violation) for a key of the week before.
-- Answers (tag, a, b): 0 the life stands | 1 message a is suppressed and was not stored | 2 lane a has stamp b |
-- 3 message a changed a suppression.
with me as materialized (
    select 1 from lives where number = $1 and life = $2 and ended_at is null for share
),
item as materialized (
    select item.*,
           item.lane > 0 and exists (
               select 1 from suppressions s
               where s.ccid = item.ccid and s.channel_id = item.channel_id
                 and s.address in (item.recipient_address, item.consumer_proof)
                 and (s.expires_at is null or s.expires_at > $3)
           ) as suppressed,
           case when item.new_conversation > 0 then (
               select c.id from conversations c
               where c.ccid = item.ccid and c.channel_id = item.channel_id and c.consumer = item.sender_address
                 and c.closed_at is null
           ) end as open_conversation
    from unnest(
        $4::uuid[], $5::bigint[], $6::smallint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::text[], $15::bigint[], $16::smallint[], $17::bigint[], $18::text[],
        $19::bigint[], $20::bigint[], $21::smallint[], $22::smallint[], $23::bigint[], $24::text[],
        $25::bytea[], $26::bytea[], $27::bigint[], $28::bigint[], $32::text[]
    ) as item (
        ccid, id, direction, channel_id, sender_address, sender_name, recipient_address, recipient_name,
        external_id, kind, content, lane, priority, conversation, context,
        due_at, expires_at, stream, keyword, suppression_event, campaign_id,
        key, content_hash, new_conversation, conversation_event, consumer_proof
    )
    where exists (select 1 from me)
),
-- In the order of the keys, so that two flushes never wait for each other in a circle.
kept as (
    insert into inbound_keys (ccid, week, key, content, id)
    select ccid, $31, key,
           -- A look-up of its own for each key, whatever the planner knows of the week before: it may hold millions.
           case when (
               select k.id from inbound_keys k where k.ccid = item.ccid and k.week = $31 - 1 and k.key = item.key
           ) is null then content_hash end,
           id
    from item
    where key is not null and not suppressed
    order by ccid, key
    returning 1
),
opening as materialized (
    select distinct on (ccid, channel_id, sender_address)
           ccid, channel_id, sender_address, sender_name, new_conversation, conversation_event, stream
    from item
    where new_conversation > 0 and open_conversation is null
    order by ccid, channel_id, sender_address, id
),
opened as (
    insert into conversations (ccid, id, channel_id, consumer, consumer_name, opened_at)
    select ccid, new_conversation, channel_id, sender_address, sender_name, $3 from opening
    returning 1
),
-- A flush that goes step by step has its keys before its conversations, and locks lanes last. So does this one: both are
-- counted before a lane is looked at.
settled as materialized (
    select (select count(*) from kept) + (select count(*) from opened) as rows from me
),
-- Lanes of other owners: raised under the row's lock, which makes their rows appear in the order of their stamps.
raised as (
    update lanes set stamp = stamp + 1
    where lane in (
        select lane from lanes where lane = any($29) and (select rows from settled) >= 0 order by lane for update
    )
    returning lane, stamp
),
stamped as materialized (
    select lane, stamp, false as own from raised
    union all
    select lane, stamp, true from lanes where lane = any($30)
),
stored as (
    insert into messages (
        ccid, id, direction, channel_id, sender_address, sender_name, recipient_address, recipient_name,
        external_id, kind, content, lane, priority, stream, conversation, campaign_id, context
    )
    select ccid, id, direction, channel_id, sender_address, sender_name, recipient_address, recipient_name,
           external_id, kind, content, nullif(lane, 0), priority, stream,
           coalesce(open_conversation, nullif(new_conversation, 0), nullif(conversation, 0)), campaign_id, context
    from item
    where not suppressed
),
queued as (
    insert into deliveries (ccid, lane, stamp, own, id, priority, due_at, expires_at)
    select item.ccid, item.lane, stamped.stamp, stamped.own, item.id, item.priority,
           nullif(item.due_at, 0), item.expires_at
    from item
    join stamped on stamped.lane = item.lane
    where not item.suppressed
),
-- Of several keywords of one person in one body the last one counts.
last_word as materialized (
    select distinct on (ccid, channel_id, sender_address) ccid, channel_id, sender_address, consumer_proof, id, keyword
    from item
    where keyword > 0
    order by ccid, channel_id, sender_address, id desc
),
stopped as (
    insert into suppressions (ccid, channel_id, address, source, evidence, created_at)
    select ccid, channel_id, sender_address, 'keyword', id, $3
    from last_word
    where keyword = 1
    order by ccid, channel_id, sender_address
    on conflict (ccid, channel_id, address) do update
        set source = excluded.source, reason = null, evidence = excluded.evidence, created_at = excluded.created_at,
            expires_at = null
        -- Who says STOP is not asked for how long: one that would have ended stays for good.
        where suppressions.expires_at is not null
    returning evidence as id
),
restarted as (
    delete from suppressions s
    using last_word
    where last_word.keyword = 2 and s.ccid = last_word.ccid and s.channel_id = last_word.channel_id
      and s.address in (last_word.sender_address, last_word.consumer_proof)
    returning last_word.id, s.expires_at is null or s.expires_at > $3 as in_force
),
noted as (
    insert into history (ccid, id, subject, kind, stream)
    select ccid, id, id, 1, stream from item where direction = 0
    union all
    select ccid, conversation_event, new_conversation, 4, stream from opening
    union all
    select ccid, suppression_event, id, 5, 3 from item where id in (select id from stopped)
    union all
    select ccid, suppression_event, id, 6, 3 from item where id in (select id from restarted where in_force)
),
counted as (
    insert into statistics_deltas (ccid, hour, channel_id, received, submitted)
    select ccid, $3 / 3600000, channel_id, nullif(count(*) - count(nullif(direction, 0)), 0),
           nullif(count(nullif(direction, 0)), 0)
    from item
    where not suppressed
    group by ccid, channel_id
)
select 0::smallint as "tag!", 0::bigint as "a!", 0::bigint as "b!" from me
union all select 1::smallint, id, 0 from item where suppressed
union all select 2::smallint, lane, stamp from stamped
union all select 3::smallint, id, 0 from stopped
union all select 3::smallint, id, 0 from restarted where in_force
