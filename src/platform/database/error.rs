//! What an error of the database means for whoever asked.

use std::io;

/// What follows from a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store is away, full, read-only or too slow: nothing is wrong with the request. The connection is not used again.
    Unavailable,
    /// Two transactions met; the same statement may succeed at once.
    Conflict,
    /// Some row of this batch cannot be stored, ever.
    Data,
    /// A statement of ours is wrong for this schema.
    Program,
}

impl Fault {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Data => "data",
            Self::Program => "program",
        }
    }
}

/// Judges an error by its SQLSTATE, or by its kind where it has none.
pub fn fault(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(database) => database
            .code()
            .map_or(Fault::Program, |code| sqlstate_fault(&code)),
        sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            Fault::Data
        }
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::TypeNotFound { .. } => Fault::Program,
        // A configuration or a query that cannot be sent, too: saying "not now" keeps what waits.
        sqlx::Error::Configuration(_)
        | sqlx::Error::InvalidArgument(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::AnyDriverError(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Migrate(_)
        | sqlx::Error::InvalidSavePointStatement
        | sqlx::Error::BeginFailed
        | _ => Fault::Unavailable,
    }
}

/// The name of the violated constraint, if that is what the error is.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint)
}

/// Whether a row with the same key is there already (SQLSTATE 23505).
pub fn is_unique_violation(error: &sqlx::Error) -> bool {
    has_state(error, "23505")
}

/// Whether a column that has to have a value was to get none (SQLSTATE 23502).
pub fn is_not_null_violation(error: &sqlx::Error) -> bool {
    has_state(error, "23502")
}

fn has_state(error: &sqlx::Error, state: &str) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == state)
}

/// The error for an answer that did not come in time.
pub fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        "the database did not answer in time",
    ))
}

/// Classes from the appendix "PostgreSQL Error Codes".
fn sqlstate_fault(code: &str) -> Fault {
    match code {
        "40001" | "40P01" => Fault::Conflict,
        // Read-only; a time-out of a statement or of a lock; a partition that is not there yet, which heals by making it.
        "25006" | "57014" | "55P03" | "23514" => Fault::Unavailable,
        _ => match code.get(..2) {
            Some("08" | "53" | "57" | "58" | "25" | "XX" | "28" | "F0") => Fault::Unavailable,
            Some("22" | "23" | "21") => Fault::Data,
            _ => Fault::Program,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_shutdown_and_a_read_only_server_are_unavailable() {
        for code in [
            "53100", "53300", "57P01", "57P03", "25006", "08006", "57014", "58030", "55P03",
        ] {
            assert_eq!(sqlstate_fault(code), Fault::Unavailable, "{code}");
        }
    }

    #[test]
    fn bad_data_is_told_from_a_missing_table() {
        assert_eq!(sqlstate_fault("22021"), Fault::Data);
        assert_eq!(sqlstate_fault("23505"), Fault::Data);
        assert_eq!(sqlstate_fault("42P01"), Fault::Program);
        assert_eq!(sqlstate_fault("40P01"), Fault::Conflict);
    }
}
