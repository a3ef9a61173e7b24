-- Stores what attempts came to, many at once. Nothing is stored unless the sending life still stands, so an owner
-- that was declared dead changes nothing. Written again after a lost answer, it changes nothing either: deliveries
-- that are gone stay gone, a status only rises, entries and ids that are there are left alone.
with me as materialized (
    select 1 from lives where number = $1 and life = $2 and ended_at is null for share
),
done as (
    delete from deliveries d
    using unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::boolean[], $7::bigint[], $42::smallint[])
         as done (ccid, lane, stamp, own, id, status)
    where d.ccid = done.ccid and d.lane = done.lane and d.stamp = done.stamp and d.own = done.own and d.id = done.id
      and exists (select 1 from me)
    returning done.ccid, done.lane, done.status
),
-- By what is really gone, which is so once, however often this is written.
counted as (
    insert into statistics_deltas (ccid, hour, channel_id, sent, failed)
    select ended.ccid, $43, lanes.target, nullif(ended.sent, 0), nullif(ended.failed, 0)
    from (
        select ccid, lane, count(*) filter (where status = 20) as sent, count(*) filter (where status = 30) as failed
        from done
        where status in (20, 30)
        group by ccid, lane
    ) ended
    join lanes on lanes.lane = ended.lane
),
waiting as (
    update deliveries d
    set attempt = waiting.attempt,
        due_at = case when waiting.put_back_at > 0 then d.due_at else waiting.due_at end,
        holds_until = case when waiting.put_back_at > 0 then d.holds_until else nullif(waiting.holds_until, 0) end,
        -- What may have been sent stays announced, so that nobody ever sends it again.
        announced_at = case when waiting.held then coalesce(d.announced_at, 0) end
    from unnest($8::uuid[], $9::bigint[], $10::bigint[], $11::boolean[], $12::bigint[], $13::smallint[], $14::bigint[], $15::bigint[],
                $41::boolean[], $45::bigint[])
         as waiting (ccid, lane, stamp, own, id, attempt, due_at, holds_until, held, put_back_at)
    where d.ccid = waiting.ccid and d.lane = waiting.lane and d.stamp = waiting.stamp and d.own = waiting.own
      and d.id = waiting.id and exists (select 1 from me)
      -- Carried out late, when more was written since, it counts no attempt back, and takes back no announcement that
      -- was made since.
      and (d.attempt < waiting.attempt
           or waiting.put_back_at > 0 and d.attempt = waiting.attempt and d.announced_at <= waiting.put_back_at)
),
states as (
    insert into message_states as state (ccid, id, status, reason, provider_message_id)
    select ccid, id, status, nullif(reason, 0), provider_message_id
    from unnest($16::uuid[], $17::bigint[], $18::smallint[], $19::smallint[], $20::text[])
         as state (ccid, id, status, reason, provider_message_id)
    where exists (select 1 from me)
    on conflict (ccid, id) do update
    set status = greatest(state.status, excluded.status),
        reason = case when excluded.status > state.status then excluded.reason else state.reason end,
        provider_message_id = coalesce(excluded.provider_message_id, state.provider_message_id)
),
-- What the rows of changed endpoints say before they are changed.
before as materialized (
    select lane, paused, parked_until from lanes
    where lane = any($36) and exists (select 1 from me)
    order by lane for update
),
noted as (
    insert into history (ccid, id, subject, kind, stream, status, detail)
    select noted.* from unnest($21::uuid[], $22::bigint[], $23::bigint[], $24::smallint[], $25::smallint[], $26::smallint[], $27::text[])
         as noted (ccid, id, subject, kind, stream, status, detail)
    where exists (select 1 from me)
      -- An endpoint that somebody has paused, or resumed, meanwhile is told of no second time (8 paused, 9 resumed, 12 warned).
      and (noted.kind not in (8, 9, 12) or exists (
          select 1 from before
          where before.lane = noted.subject and not before.paused and (
              noted.kind <> 9 or before.parked_until is not null
              -- It was parked by another result of the same flush.
              or exists (select 1 from unnest($23::bigint[], $24::smallint[]) as other (subject, kind)
                         where other.subject = noted.subject and other.kind = 12)
          )
      ))
    on conflict (ccid, id) do nothing
),
named as (
    insert into provider_ids (ccid, key, id)
    select named.* from unnest($28::uuid[], $29::bytea[], $30::bigint[]) as named (ccid, key, id)
    where exists (select 1 from me)
    on conflict (ccid, key, id) do nothing
),
buried as (
    insert into dead_letters (ccid, id, lane, reason, died_at)
    select buried.* from unnest($31::uuid[], $32::bigint[], $33::bigint[], $34::smallint[], $35::bigint[])
         as buried (ccid, id, lane, reason, died_at)
    where exists (select 1 from me)
    on conflict (ccid, id) do nothing
),
endpoints as (
    update lanes
    set parked_until = nullif(endpoint.parked_until, 0), failures_in_a_row = endpoint.failures,
        failing_since = nullif(endpoint.failing_since, 0), paused = lanes.paused or endpoint.paused,
        last_error = endpoint.last_error
    from unnest($36::bigint[], $37::bigint[], $38::integer[], $39::boolean[], $40::text[], $44::bigint[])
         as endpoint (lane, parked_until, failures, paused, last_error, failing_since)
    -- Joined, so that each row is read there before it is changed here.
    join before on before.lane = endpoint.lane
    where lanes.lane = endpoint.lane
)
select exists (select 1 from me) as "stands!"
