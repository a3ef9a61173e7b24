-- The next deliveries after a place, and which of them were announced for the restore: those that were accepted
-- before it and due by then.
with looked_at as materialized (
    select d.ccid, d.lane, d.stamp, d.own, d.id from deliveries d
    where (d.ccid, d.lane, d.stamp, d.own, d.id) > ($1, $2, $3, $4, $5)
      -- Lane 0 is ballast.
      and d.lane > 0
    order by d.ccid, d.lane, d.stamp, d.own, d.id
    limit $6
),
announced as (
    update deliveries d set announced_at = coalesce(d.announced_at, $7)
    from looked_at l
    where d.ccid = l.ccid and d.lane = l.lane and d.stamp = l.stamp and d.own = l.own and d.id = l.id
      and d.id < $8 and (d.due_at is null or d.due_at <= coalesce(d.announced_at, $7))
    returning d.ccid, d.lane, d.stamp, d.own, d.id
)
select l.ccid, l.lane, l.stamp, l.own, l.id, a.id is not null as "announced!"
from looked_at l
left join announced a on a.ccid = l.ccid and a.lane = l.lane and a.stamp = l.stamp and a.own = l.own
                     and a.id = l.id
order by l.ccid, l.lane, l.stamp, l.own, l.id
