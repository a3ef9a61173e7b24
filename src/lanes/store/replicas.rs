use sqlx::{Connection, PgConnection};

use super::hold::HoldPhase;
use crate::history::model::Horizon;
use crate::lanes::model::{LaneId, Life};

/// A number that was taken for a new life.
#[derive(Debug)]
pub struct Registration {
    pub life: Life,
    /// No id below this time may be made under the life.
    pub floor_ms: i64,
}

/// Takes a free number: one whose life has ended, else a new one. `None` where another replica was quicker: try again.
pub async fn register(
    connection: &mut PgConnection,
    lease_ms: i64,
) -> sqlx::Result<Option<Registration>> {
    let mut transaction = connection.begin().await?;
    let taken = sqlx::query!(
        r#"with free as (
               select r.number from replicas r
               join lives l on l.number = r.number and l.life = r.life
               where l.ended_at is not null
               order by r.number
               limit 1
               for update of r skip locked
           ),
           reused as (
               update replicas r
               set life = r.life + 1, sends = false, busy_lanes = '{}', busy_attempts = '{}',
                   -- Above every id that the life before may have made.
                   beat = greatest(r.beat + $1, (extract(epoch from clock_timestamp()) * 1000)::bigint)
               from free where r.number = free.number
               returning r.number, r.life, r.beat
           ),
           added as (
               insert into replicas (number, life, beat)
               select candidate.number, 1, (extract(epoch from clock_timestamp()) * 1000)::bigint
               from (select n::smallint as number from generate_series(0, 1023) n
                     where not exists (select 1 from replicas r where r.number = n)
                     order by n limit 1) candidate
               where not exists (select 1 from free)
               on conflict (number) do nothing
               returning number, life, beat
           )
           select number as "number!", life as "life!", beat as "beat!" from reused
           union all select number, life, beat from added"#,
        lease_ms,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(taken) = taken else { return Ok(None) };
    sqlx::query!(
        "insert into lives (number, life) values ($1, $2)",
        taken.number,
        taken.life,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(Registration {
        life: Life {
            number: taken.number,
            life: taken.life,
        },
        floor_ms: taken.beat,
    }))
}

/// What one tick tells.
#[derive(Debug)]
pub struct Tick {
    /// The database's time, Unix milliseconds.
    pub now_ms: i64,
    /// Whether the life that ticked still stands.
    pub alive: bool,
    pub directory_version: i64,
    /// Every standing life with its beat, the asking one among them.
    pub beats: Vec<(Life, i64)>,
    /// The numbers of those that take lanes, in order.
    pub senders: Vec<i16>,
    pub waits: Waits,
    /// The hold after a restore, while it is in force.
    pub hold: Option<HoldPhase>,
    pub feed: Horizon,
}

/// What waits for some replica to see to it.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// Some lane for an owner.
    pub lane: bool,
    /// Somebody who wants a message called back.
    pub cancellation: bool,
    /// Records of who changed what for their place in the chain.
    pub record: bool,
}

/// What a replica says of itself with each tick.
#[derive(Debug, Default)]
pub struct Report {
    /// Whether it takes lanes.
    pub sends: bool,
    /// Its lanes with open attempts, and how many.
    pub busy: Vec<(LaneId, usize)>,
}

impl Report {
    /// The busy lanes, and how many attempts each has open.
    fn columns(&self) -> (Vec<i64>, Vec<i32>) {
        let busy = self.busy.iter();
        busy.map(|(lane, open)| (lane.0, i32::try_from(*open).unwrap_or(i32::MAX)))
            .unzip()
    }
}

/// Raises the beat of a life, tells about it, and looks around, in one statement.
pub async fn tick(
    connection: &mut PgConnection,
    life: Life,
    report: &Report,
) -> sqlx::Result<Tick> {
    let (lanes, open) = report.columns();
    let row = sqlx::query!(
        r#"with mine as (
               update replicas
               set beat = greatest(beat + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint), sends = $3,
                   busy_lanes = $4, busy_attempts = $5
               where number = $1 and life = $2
           ),
           standing as (
               select r.number, r.life, r.beat, case when r.number = $1 then $3 else r.sends end as sends
               from replicas r
               join lives l on l.number = r.number and l.life = r.life
               where l.ended_at is null
           )
           select (extract(epoch from clock_timestamp()) * 1000)::bigint as "now_ms!",
                  exists (select 1 from standing where number = $1 and life = $2) as "alive!",
                  (select version from directory) as "directory_version!",
                  array(select number from standing order by number) as "numbers!",
                  array(select life from standing order by number) as "lives!",
                  array(select beat from standing order by number) as "beats!",
                  array(select number from standing where sends order by number) as "senders!",
                  exists (select 1 from lanes where owner_number is null) as "lanes_wait!",
                  exists (select 1 from cancellations) as "cancellations_wait!",
                  exists (select 1 from audit where place is null) as "records_wait!",
                  pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "oldest_open!",
                  pg_snapshot_xmax(pg_current_snapshot())::text::bigint as "next!",
                  coalesce((select case when is_marked then 2 else 1 end from restore_hold
                            where released_at is null), 0) as "hold!""#,
        life.number,
        life.life,
        report.sends,
        &lanes,
        &open,
    )
    .fetch_one(connection)
    .await?;
    let lives = row
        .numbers
        .into_iter()
        .zip(row.lives)
        .map(|(number, life)| Life { number, life });
    Ok(Tick {
        now_ms: row.now_ms,
        alive: row.alive,
        directory_version: row.directory_version,
        beats: lives.zip(row.beats).collect(),
        senders: row.senders,
        waits: Waits {
            lane: row.lanes_wait,
            cancellation: row.cancellations_wait,
            record: row.records_wait,
        },
        hold: HoldPhase::from_number(row.hold),
        feed: Horizon {
            oldest_open: row.oldest_open,
            next: row.next,
        },
    })
}

/// Ends a life and frees its lanes. `false` where somebody else did it before.
pub async fn end_life(connection: &mut PgConnection, life: Life) -> sqlx::Result<bool> {
    end(connection, life, None).await
}

/// Ends a life that still stands at the beat at which it was last seen, and frees its lanes. However late this comes to
/// the database, a life that has beaten since goes on.
pub async fn bury(connection: &mut PgConnection, life: Life, beat: i64) -> sqlx::Result<bool> {
    end(connection, life, Some(beat)).await
}

async fn end(connection: &mut PgConnection, life: Life, beat: Option<i64>) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let ended = sqlx::query!(
        "with silent as materialized (
             select 1 from replicas
             where number = $1 and life = $2 and beat = $3 for update
         )
         update lives set ended_at = clock_timestamp()
         where number = $1 and life = $2 and ended_at is null
           and ($3::bigint is null or exists (select 1 from silent))",
        life.number,
        life.life,
        beat,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if ended == 0 {
        // Whoever ended it freed its lanes in the same transaction.
        return Ok(false);
    }
    sqlx::query!(
        // In the order in which accepts lock lanes, so that the two never wait for each other in a circle.
        "update lanes set owner_number = null, owner_life = null
         where lane in (select lane from lanes where owner_number = $1 and owner_life = $2 order by lane for update)",
        life.number,
        life.life,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Every life that has not ended.
pub async fn standing_lives(connection: &mut PgConnection) -> sqlx::Result<Vec<Life>> {
    let rows = sqlx::query!("select number, life from lives where ended_at is null")
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Life {
            number: row.number,
            life: row.life,
        })
        .collect())
}

/// Forgets lives that ended before a time and that no number stands for any more.
pub async fn forget_ended_lives(
    connection: &mut PgConnection,
    before: time::OffsetDateTime,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from lives l
         where l.ended_at < $1
           and not exists (select 1 from replicas r where r.number = l.number and r.life = l.life)",
        before,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}
