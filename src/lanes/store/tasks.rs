use sqlx::PgConnection;

use crate::lanes::model::Life;

/// Whether a task that one replica does for all is this life's: it was, or it is now, since nobody had it whose life
/// stands. Nobody else gets it before the transaction has ended, whatever becomes of the life.
pub async fn hold_task(
    connection: &mut PgConnection,
    life: Life,
    name: &str,
) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!(
        r#"with me as materialized (
               select 1 from lives where number = $1 and life = $2 and ended_at is null for share
           )
           insert into tasks as task (name, owner_number, owner_life) select $3, $1, $2 from me
           on conflict (name) do update set owner_number = $1, owner_life = $2
           where (task.owner_number, task.owner_life) = ($1, $2)
              or not exists (select 1 from lives l where l.number = task.owner_number and l.life = task.owner_life
                             and l.ended_at is null)
           returning true as "held!""#,
        life.number,
        life.life,
        name,
    )
    .fetch_optional(connection)
    .await?;
    Ok(held.is_some())
}
