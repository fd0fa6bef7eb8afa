//! Lines on their way to standard error, and the thread that writes them.
//!
//! No library does: the usual one writes its own troubles to standard output, where records may be, and waits there without end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Lines that wait take so much memory at most.
const MAX_WAITING_BYTES: usize = 4 << 20;

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
    /// Lines that were dropped since somebody asked.
    dropped: u64,
    /// Lines that were dropped since the log said so.
    unsaid: u64,
}

impl State {
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

    /// Waits until everything is written, for `patience` at most; whether it is.
    pub fn finish(&self, patience: Duration) -> bool {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self.changed.wait_timeout_while(self.lock(), patience, is_busy);
        !waited.expect("no holder of this lock panics").1.timed_out()
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
            let unsaid = self.written(is_written);
            if unsaid > 0 {
                tracing::warn!(
                    lines = unsaid,
                    "lines of the log were dropped: whatever reads standard error took none"
                );
            }
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

    /// The end of writing a line. How many dropped ones are to be told of: once there is room for all of the log again.
    fn written(&self, is_written: bool) -> u64 {
        let mut state = self.lock();
        state.is_writing = false;
        if !is_written {
            state.drop_line();
        }
        self.changed.notify_all();
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
