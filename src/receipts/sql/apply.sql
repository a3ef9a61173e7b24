-- Applies receipts to the messages that they name; what names no known message is left for the caller to park.
-- With $1 the receipts come out of the parking place: whoever deletes the parked row applies it.
-- Answers the numbers of the receipts that found their message.
with given as materialized (
    select given.* from unnest(
        $2::integer[], $3::uuid[], $4::bytea[], $5::bigint[], $6::smallint[], $7::smallint[], $8::text[], $9::bigint[], $10::text[]
    ) as given (number, ccid, key, message, status, reason, detail, event, channel_id)
),
matched as materialized (
    select given.*, coalesce(
        (select p.id from provider_ids p where p.ccid = given.ccid and p.key = given.key order by p.id desc limit 1),
        -- Our own id speaks only for a message of that channel that was sent, as far as is known, and whose answer
        -- carried no other id.
        (select m.id from messages m
         join message_states s on s.ccid = m.ccid and s.id = m.id
         where m.ccid = given.ccid and m.id = given.message and m.direction = 1 and m.channel_id = given.channel_id
           and s.provider_message_id is null and s.status >= 10)
    ) as found
    from given
),
taken as (
    delete from parked_receipts p
    using matched
    where $1 and matched.found is not null and p.ccid = matched.ccid and p.key = matched.key and p.parked_id = matched.event
    returning p.parked_id
),
applied as materialized (
    select * from matched where found is not null and (not $1 or event in (select parked_id from taken))
),
before as materialized (
    select s.ccid, s.id, s.status from message_states s
    join (select distinct ccid, found from applied) a on a.ccid = s.ccid and a.found = s.id
    order by s.ccid, s.id
    for update of s
),
raised as (
    update message_states s
    set status = best.status, reason = best.reason
    from (
        select distinct on (a.ccid, a.found) a.ccid, a.found, a.status, nullif(a.reason, 0) as reason
        from applied a order by a.ccid, a.found, a.status desc, a.number
    ) best
    join before on before.ccid = best.ccid and before.id = best.found
    where s.ccid = best.ccid and s.id = best.found and best.status > before.status
    returning s.ccid, s.id, s.status
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
        from applied a join raised r on r.ccid = a.ccid and r.id = a.found and r.status = a.status
        order by a.ccid, a.found, a.number
    ) first on first.number = a.number
    on conflict (ccid, id) do nothing
)
select number as "number!" from applied
