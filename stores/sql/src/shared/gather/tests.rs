//! The gatherer over a writer that is told when to go on.

use std::time::Duration;

use session_core::StoreErrorKind;
use tokio::sync::{Semaphore, mpsc};

use super::*;

struct Numbered(u8);

impl Row for Numbered {
    fn key(&self) -> StoreKey {
        StoreKey::from_bytes([self.0; 32])
    }

    fn size(&self) -> usize {
        match self.0 {
            200.. => MOST_BYTES,
            _ => 1,
        }
    }
}

/// Tells of each batch, and writes it when it may.
struct Slow {
    batches: mpsc::UnboundedSender<Vec<u8>>,
    permits: Arc<Semaphore>,
}

#[async_trait]
impl Writer for Slow {
    type Row = Numbered;
    type Outcome = u8;

    async fn write(&self, rows: Vec<Numbered>, answers: Vec<Answer<Self>>) {
        let numbers = rows.iter().map(|row| row.0).collect();
        self.batches.send(numbers).unwrap();
        self.permits.acquire().await.unwrap().forget();
        for (row, answer) in rows.iter().zip(answers) {
            match row.0 {
                99 => drop(answer),
                98 => answer.send(Err(StoreError::new(StoreErrorKind::Other, "test", "98"))),
                number => answer.send(Ok(number)),
            }
        }
    }
}

struct Scene {
    gatherer: Gatherer<Slow>,
    batches: mpsc::UnboundedReceiver<Vec<u8>>,
    permits: Arc<Semaphore>,
}

fn scene(lanes: usize) -> Scene {
    let (sender, batches) = mpsc::unbounded_channel();
    let permits = Arc::new(Semaphore::new(0));
    let writer = Slow {
        batches: sender,
        permits: Arc::clone(&permits),
    };
    Scene {
        gatherer: Gatherer::new(writer, lanes, &Handle::current()),
        batches,
        permits,
    }
}

impl Scene {
    fn write(&self, numbers: &[u8]) -> Vec<Receiver<Slow>> {
        let row = |number: &u8| self.gatherer.write(Numbered(*number));
        numbers.iter().map(row).collect()
    }

    async fn batch(&mut self) -> Vec<u8> {
        let patience = Duration::from_secs(60);
        let batch = tokio::time::timeout(patience, self.batches.recv());
        batch.await.unwrap().unwrap()
    }

    fn is_quiet(&mut self) -> bool {
        self.batches.try_recv().is_err()
    }
}

/// The first goes at once, and what comes meanwhile goes together.
#[tokio::test]
async fn what_comes_meanwhile_goes_together() {
    let mut scene = scene(1);
    scene.write(&[1]);
    assert_eq!(scene.batch().await, [1]);
    scene.write(&[2, 3, 4]);
    assert!(scene.is_quiet());
    scene.permits.add_permits(1);
    assert_eq!(scene.batch().await, [2, 3, 4]);
}

/// Two rows of a session go one after the other, and the others do not wait for that.
#[tokio::test]
async fn rows_of_a_session_go_one_after_the_other() {
    let mut scene = scene(2);
    scene.write(&[1]);
    assert_eq!(scene.batch().await, [1]);
    scene.write(&[1, 1, 2, 2]);
    assert_eq!(scene.batch().await, [2]);
    tokio::task::yield_now().await;
    assert!(scene.is_quiet());
    scene.permits.add_permits(2);
    let mut rest = scene.batch().await;
    while rest.len() < 3 {
        scene.permits.add_permits(1);
        rest.extend(scene.batch().await);
    }
    rest.sort_unstable();
    assert_eq!(rest, [1, 1, 2]);
}

/// A batch has an end, in rows and in bytes.
#[tokio::test]
async fn batches_are_bounded() {
    let mut scene = scene(1);
    scene.permits.add_permits(100);
    scene.write(&[1]);
    let many: Vec<u8> = (2..2 + MOST_ROWS as u8 + 1).collect();
    scene.write(&many);
    scene.write(&[200, 201]);
    let mut batches = Vec::new();
    while batches.iter().map(Vec::len).sum::<usize>() < many.len() + 3 {
        batches.push(scene.batch().await);
    }
    assert!(batches.iter().all(|batch| batch.len() <= MOST_ROWS));
    let last: Vec<_> = batches[batches.len() - 2..].to_vec();
    assert_eq!(last, [vec![200], vec![201]]);
}

/// Each row has its own answer; one that is never sent closes its channel and frees its session.
#[tokio::test]
async fn answers_are_each_rows_own() {
    let mut scene = scene(1);
    let mut answers = scene.write(&[97, 98, 99, 99]);
    scene.permits.add_permits(100);
    assert!(answers.remove(3).await.is_err());
    assert!(answers.remove(2).await.is_err());
    assert!(answers.remove(1).await.unwrap().is_err());
    assert_eq!(answers.remove(0).await.unwrap().unwrap(), 97);
    while !scene.is_quiet() {}
    scene.write(&[99]);
    assert_eq!(scene.batch().await, [99]);
}
