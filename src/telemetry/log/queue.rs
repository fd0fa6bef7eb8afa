//! Lines on their way to standard error, and the thread that writes them.
//!
//! No library does: the usual one writes its own troubles to standard output, where records may be, and waits there without end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that wait take so much memory at most.
const MAX_WAITING_BYTES: usize = 4 << 20;

/// How long an end waits for a reader that is slow.
const MAX_PATIENCE: Duration = Duration::from_secs(10);

/// Takes lines without waiting for whoever reads them.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    is_writing: bool,
    /// Lines that were written, or could not be.
    written: u64,
    /// Lines that were dropped since somebody asked.
    dropped: u64,
    /// Lines that were dropped since the log said so.
    unsaid: u64,
}

impl State {
    fn is_busy(&self) -> bool {
        self.is_writing || !self.waiting.is_empty()
    }

    fn drop_line(&mut self) {
        self.dropped += 1;
        self.unsaid += 1;
    }
}

impl Queue {
    /// An empty queue, and a thread that writes what it takes for as long as the process lives.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let writing = Arc::clone(&queue);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writing.write_to(output))?;
        Ok(queue)
    }

    /// Lines dropped since the last call: there was no room, or writing failed.
    pub fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }

    /// Waits until everything is written, or for `patience` nothing is, or for [`MAX_PATIENCE`]; whether everything is.
    pub fn finish(&self, patience: Duration) -> bool {
        let end = Instant::now() + MAX_PATIENCE;
        let mut state = self.lock();
        loop {
            let lines = state.written;
            let is_still = |state: &mut State| state.is_busy() && state.written == lines;
            let waited = self.changed.wait_timeout_while(state, patience, is_still);
            let timed_out;
            (state, timed_out) = waited.expect("no holder of this lock panics");
            if !state.is_busy() || timed_out.timed_out() || Instant::now() > end {
                return !state.is_busy();
            }
        }
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting_bytes + line.len() > MAX_WAITING_BYTES {
            return state.drop_line();
        }
        state.waiting_bytes += line.len();
        state.waiting.push_back(line.to_owned());
        self.changed.notify_all();
    }

    fn write_to(&self, mut output: impl Write) -> ! {
        loop {
            let line = self.next();
            let is_written = output.write_all(&line).and_then(|()| output.flush()).is_ok();
            let unsaid = self.note_written(is_written);
            if unsaid > 0 {
                tracing::warn!(
                    lines = unsaid,
                    "lines of the log were dropped: whatever reads standard error took none"
                );
            }
            // Only now: what was just said is to be written before the end as well.
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// The next line, when there is one.
    fn next(&self) -> Vec<u8> {
        let is_empty = |state: &mut State| state.waiting.is_empty();
        let state = self.changed.wait_while(self.lock(), is_empty);
        let mut state = state.expect("no holder of this lock panics");
        state.is_writing = true;
        let line = state.waiting.pop_front().expect("it is not empty");
        state.waiting_bytes -= line.len();
        line
    }

    /// A line was written or could not be. How many dropped ones are to be told of: once nothing waits any more.
    fn note_written(&self, is_written: bool) -> u64 {
        let mut state = self.lock();
        state.written += 1;
        if !is_written {
            state.drop_line();
        }
        match is_written && state.waiting.is_empty() {
            true => std::mem::take(&mut state.unsaid),
            false => 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// The log writes each line at once.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Takes a line when the test takes one.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(line.to_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> (Arc<Queue>, Receiver<Vec<u8>>) {
        let (sender, receiver) = sync_channel(0);
        let queue = Queue::start(Pipe(sender)).expect("a thread can be had");
        (queue, receiver)
    }

    /// Scenario: more lines than there is room for, while nobody reads; then somebody reads.
    /// Guarantees: nobody waits; what had room comes out in order; the rest is counted once.
    #[test]
    fn drops_and_counts_what_has_no_room() {
        let (queue, receiver) = start();
        let line = vec![b'x'; MAX_WAITING_BYTES / 4];
        // One more than there is room for may be in the hands of the thread.
        for number in 0..10_u8 {
            let numbered = [&line[1..], &[number]].concat();
            (&*queue).write_all(&numbered).expect("it never fails");
        }
        assert!(!queue.finish(Duration::from_millis(1)), "nobody reads");
        let dropped = queue.take_dropped();
        assert!((5..=6).contains(&dropped), "{dropped}");
        assert_eq!(queue.take_dropped(), 0);
        let read: Vec<_> = (dropped..10)
            .map(|_| receiver.recv().expect("a line")[line.len() - 1])
            .collect();
        assert!(queue.finish(LONG));
        assert!(read.is_sorted() && read.starts_with(&[0, 1, 2, 3]), "{read:?}");
    }

    /// Scenario: whoever reads is gone. Guarantees: nobody waits, and each line counts as dropped.
    #[test]
    fn counts_what_cannot_be_written() {
        let (queue, receiver) = start();
        drop(receiver);
        for _ in 0..3 {
            (&*queue).write_all(b"line").expect("it never fails");
        }
        assert!(queue.finish(LONG));
        assert_eq!(queue.take_dropped(), 3);
    }
}
