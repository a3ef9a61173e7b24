-- Finds the messages that receipts name. $1 says what for: 0 to look whether they would be taken, and nothing changes;
-- 1 to take them: known messages are raised, and what names none is parked; 2 to apply what is parked: whoever deletes
-- the parked row applies it.
-- The receipts of one body are taken together or not at all: where one has to be parked and its tenant already has $2
-- parked ones, none of them is; a flush may pass the limit by what it holds. A body whose room was promised is not asked.
-- Answers each receipt's number with its fate: 0 applied | 1 parked | 2 refused.
with given as materialized (
    select given.* from unnest(
        $4::integer[], $5::uuid[], $6::bytea[], $7::bigint[], $8::smallint[], $9::smallint[], $10::text[], $11::bigint[],
        $12::text[], $13::integer[], $14::boolean[], $15::text[], $16::text[]
    ) as given (number, ccid, key, message, status, reason, detail, event, channel_id, body, promised, recipient, connector)
),
matched as materialized (
    select given.*, coalesce(
        (select p.id from provider_ids p where p.ccid = given.ccid and p.key = given.key order by p.id desc limit 1),
        -- Our own id speaks only for a message of that channel (where one is named) that was sent, as far as is known, and
        -- whose answer carried no other id.
        (select m.id from messages m
         join message_states s on s.ccid = m.ccid and s.id = m.id
         where m.ccid = given.ccid and m.id = given.message and m.direction = 1
           and given.channel_id in (m.channel_id, '')
           and s.provider_message_id is null and s.status >= 10)
    ) as found
    from given
),
-- Counting stops at the limit, so a full parking place costs no more than the limit says.
without_room as materialized (
    select tenant.ccid from (select distinct ccid from matched where $1 < 2 and found is null and not promised) tenant
    where (select count(*) from (select 1 from parked_receipts p where p.ccid = tenant.ccid limit $2) counted) >= $2
),
refused as materialized (
    select distinct m.body from matched m
    where $1 < 2 and m.found is null and not m.promised and m.ccid in (select ccid from without_room)
      -- What is there already was parked by this very flush, whose answer was lost.
      and not exists (select 1 from parked_receipts p where p.ccid = m.ccid and p.key = m.key and p.parked_id = m.event)
),
parked as (
    insert into parked_receipts (
        ccid, key, parked_id, message, status, reason, detail, parked_at, channel_id, recipient, connector
    )
    select ccid, key, event, message, status, reason, detail, $3, channel_id, recipient, connector
    from matched
    where $1 = 1 and found is null and body not in (select body from refused)
    on conflict (ccid, key, parked_id) do nothing
),
taken as (
    delete from parked_receipts p
    using matched
    where $1 = 2 and matched.found is not null and p.ccid = matched.ccid and p.key = matched.key and p.parked_id = matched.event
    returning p.parked_id
),
applied as materialized (
    select * from matched
    where found is not null
      and case $1 when 1 then body not in (select body from refused) when 2 then event in (select parked_id from taken) end
),
before as materialized (
    select s.ccid, s.id, s.status, coalesce(s.reason, 0) as reason from message_states s
    join (select distinct ccid, found from applied) a on a.ccid = s.ccid and a.found = s.id
    order by s.ccid, s.id
    for update of s
),
raised as (
    update message_states s
    set status = best.status, reason = nullif(best.reason, 0)
    from (
        select distinct on (a.ccid, a.found) a.ccid, a.found, a.status, a.reason
        from applied a order by a.ccid, a.found, a.status desc, a.reason desc
    ) best
    join before on before.ccid = best.ccid and before.id = best.found
    -- Of two reasons for the same status the higher one stays, so that their order makes no difference either.
    where s.ccid = best.ccid and s.id = best.found and (best.status, best.reason) > (before.status, before.reason)
    returning s.ccid, s.id, s.status, coalesce(s.reason, 0) as reason, before.status as was
),
counted as (
    insert into statistics_deltas (ccid, hour, channel_id, delivered, failed, removed)
    select r.ccid, $3 / 3600000, m.channel_id, nullif(count(*) filter (where r.status = 40), 0),
           nullif(count(*) filter (where r.status in (30, 50)), 0), nullif(count(*) filter (where r.status = 60), 0)
    from raised r
    join messages m on m.ccid = r.ccid and m.id = r.id
    where r.status > r.was and r.status >= 30
    group by r.ccid, m.channel_id
),
noted as (
    insert into history (ccid, id, subject, kind, stream, status, detail)
    select a.ccid, a.event, a.found, 3,
           -- An event only where it changed something; a repeated receipt is history all the same.
           case when first.number is null then 0 else m.stream end,
           a.status, a.detail
    from applied a
    join messages m on m.ccid = a.ccid and m.id = a.found
    left join (
        select distinct on (a.ccid, a.found) a.number
        from applied a
        join raised r on r.ccid = a.ccid and r.id = a.found and r.status = a.status and r.reason = a.reason
        order by a.ccid, a.found, a.number
    ) first on first.number = a.number
    on conflict (ccid, id) do nothing
)
select number as "number!", 0::smallint as "fate!" from applied
union all
select number, case when body in (select body from refused) then 2 else 1 end::smallint from matched
where $1 < 2 and (found is null or body in (select body from refused))
