//! Group commit: whatever waits while the last statement runs goes into the next one. Nothing waits for more to come.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

/// Statements that run at once.
const COMMITTERS: usize = 2;
/// Rows of one statement.
const BATCH_MAX: usize = 256;
/// Rows that wait; what is beyond them waits outside.
const WAITING_MAX: usize = 16_384;

type Waiting<Row> = (Row, oneshot::Sender<bool>);

/// Takes rows and answers when they are on the disk.
#[derive(Debug)]
pub struct Committers<Row>(mpsc::Sender<Waiting<Row>>);

impl<Row> Clone for Committers<Row> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Row: Send + 'static> Committers<Row> {
    /// Starts them; `store` writes a batch in one transaction, and says whether it did.
    pub fn start<Store, Stored>(store: Store) -> Self
    where
        Store: Fn(Vec<Row>, Vec<oneshot::Sender<bool>>) -> Stored + Clone + Send + 'static,
        Stored: Future<Output = ()> + Send,
    {
        let (sender, receiver) = mpsc::channel::<Waiting<Row>>(WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        for _committer in 0..COMMITTERS {
            let (store, receiver) = (store.clone(), Arc::clone(&receiver));
            tokio::runtime::Handle::current().spawn(async move {
                loop {
                    let mut batch = Vec::with_capacity(BATCH_MAX);
                    if receiver.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
                        return;
                    }
                    let (rows, answers) = batch.into_iter().unzip();
                    store(rows, answers).await;
                }
            });
        }
        Self(sender)
    }

    /// Whether the row was stored.
    pub async fn store(&self, row: Row) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send((row, answer)).await.is_ok() && answered.await.unwrap_or(false)
    }
}

/// Tells all that wait for a batch how it ended.
pub fn tell(answers: Vec<oneshot::Sender<bool>>, stored: bool) {
    for answer in answers {
        // Whoever asked may have gone.
        let _gone = answer.send(stored);
    }
}
