//! A secret that a program prints, such as the client of a key management service.
//!
//! The program is started without a shell. What it says on standard error is read by nobody: it may repeat the secret.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long a program may take, up to its end.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How much it may print, in bytes.
const OUTPUT_BYTES_MAX: usize = 4096;

/// Why a program gave no secret. Nothing that it printed is in the sentence.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("names no program")]
    NotNamed,
    #[error("names a program that cannot be run: {0}")]
    NotRun(#[from] std::io::Error),
    #[error("names a program that had not ended after {} s", TIME_MAX.as_secs())]
    TooSlow,
    #[error("names a program that printed more than {OUTPUT_BYTES_MAX} bytes")]
    TooLong,
    #[error("names a program that failed: {0}")]
    Failed(ExitStatus),
    #[error("names a program that printed what is not UTF-8")]
    NotText,
}

/// What a program prints, which has to end with 0. The first word is its name, the others are its arguments.
pub(super) async fn output(words: &[String]) -> Result<Zeroizing<String>, ProgramError> {
    output_within(TIME_MAX, words).await
}

async fn output_within(
    time_max: Duration,
    words: &[String],
) -> Result<Zeroizing<String>, ProgramError> {
    timeout(time_max, run(words))
        .await
        .unwrap_or(Err(ProgramError::TooSlow))
}

async fn run(words: &[String]) -> Result<Zeroizing<String>, ProgramError> {
    let (program, arguments) = words.split_first().ok_or(ProgramError::NotNamed)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    // As long as it can become, so that no part of it stays behind where a growing buffer was.
    let mut printed = Zeroizing::new(vec![0; OUTPUT_BYTES_MAX + 1]);
    let mut length = 0;
    if let Some(mut output) = child.stdout.take() {
        loop {
            let read = output.read(&mut printed[length..]).await?;
            length += read;
            if length > OUTPUT_BYTES_MAX {
                return Err(ProgramError::TooLong);
            }
            if read == 0 {
                break;
            }
        }
    }
    let status = child.wait().await?;
    if !status.success() {
        return Err(ProgramError::Failed(status));
    }
    let text = std::str::from_utf8(&printed[..length]).map_err(|_| ProgramError::NotText)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> Result<String, ProgramError> {
        let words = ["sh", "-c", script].map(str::to_owned);
        output(&words).await.map(|text| text.as_str().to_owned())
    }

    #[tokio::test]
    async fn a_program_gives_what_it_prints_and_its_complaints_are_not_part_of_it() {
        let printed = shell("echo complaint >&2; echo ' secret'").await;
        assert_eq!(printed.unwrap(), "secret");
    }

    #[tokio::test]
    async fn words_are_taken_as_they_are() {
        let words = ["echo", "$HOME;", "`id`"].map(str::to_owned);
        assert_eq!(output(&words).await.unwrap().as_str(), "$HOME; `id`");
    }

    #[tokio::test]
    async fn a_program_that_fails_gives_nothing_and_its_words_are_not_repeated() {
        let failed = shell("echo hunter2; echo hunter2 >&2; exit 3").await;
        let failed = failed.unwrap_err();
        assert!(matches!(failed, ProgramError::Failed(_)));
        assert!(!format!("{failed} {failed:?}").contains("hunter2"));
        let missing = output(&["/no/such/program".to_owned()]).await;
        assert!(matches!(missing, Err(ProgramError::NotRun(_))));
        assert!(matches!(output(&[]).await, Err(ProgramError::NotNamed)));
    }

    #[tokio::test]
    async fn a_program_may_print_so_much_and_no_more() {
        let printed = shell("head -c 4096 /dev/zero | tr '\\0' a").await.unwrap();
        assert_eq!(printed.len(), OUTPUT_BYTES_MAX);
        let endless = shell("yes").await;
        assert!(matches!(endless, Err(ProgramError::TooLong)));
        let bytes = shell("printf '\\377'").await;
        assert!(matches!(bytes, Err(ProgramError::NotText)));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_given_up() {
        let words = ["sleep", "1000"].map(str::to_owned);
        let stuck = output_within(Duration::from_millis(20), &words).await;
        assert!(matches!(stuck, Err(ProgramError::TooSlow)));
    }
}
