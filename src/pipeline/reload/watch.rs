//! Hears of changed files: from the system where it tells, else by looking from time to time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::places::Places;
use super::settle::settle;

/// Between two looks where the system does not tell. A look reads the files and compares them with what was read last.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Watches folders, or nothing.
#[derive(Debug, Default)]
pub struct Watch {
    changed: Arc<Notify>,
    /// Ends with its last use; a new one begins before the old one ends, so that no change goes unheard.
    watcher: Option<RecommendedWatcher>,
    is_polling: bool,
}

impl Watch {
    /// From now on these places are watched, and no others.
    pub async fn follow(&mut self, places: Places) {
        let changed = Arc::clone(&self.changed);
        // The system looks the folders up, and one of them may be on a mount that hangs.
        let begun = tokio::task::spawn_blocking(move || begin(places, changed)).await;
        match begun.unwrap_or_else(|error| Err(notify::Error::generic(&error.to_string()))) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.is_polling = false;
            }
            Err(error) => {
                self.watcher = None;
                if !std::mem::replace(&mut self.is_polling, true) {
                    tracing::warn!(
                        %error,
                        interval_seconds = LOOK_INTERVAL.as_secs(),
                        "the system does not tell when files change; they are looked at from time to time instead"
                    );
                }
            }
        }
    }

    /// Completes when something changed and is quiet again, or when it is time to look. Cancel-safe, but for the wait
    /// for quiet, which begins anew.
    pub async fn changed(&self) {
        tokio::select! {
            () = self.changed.notified() => settle(&self.changed).await,
            () = tokio::time::sleep(LOOK_INTERVAL), if self.is_polling => {}
        }
    }
}

fn begin(places: Places, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let folders: Vec<_> = places.folders().map(Path::to_owned).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error of the system's queue: something may have been missed.
        if event.map_or(true, |event| is_change(&event, &places)) {
            changed.notify_one();
        }
    })?;
    for folder in folders {
        match watcher.watch(&folder, RecursiveMode::NonRecursive) {
            // A file that is missing is reported when it is read; what is above it is watched.
            Err(error) if is_missing(&error) => {
                tracing::debug!(folder = %folder.display(), "folder is not there to be watched");
            }
            other => other?,
        }
    }
    Ok(watcher)
}

/// Reading the files makes events too; those must not lead to the next reading.
fn is_change(event: &Event, places: &Places) -> bool {
    let is_written = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    };
    event.need_rescan() || is_written && event.paths.iter().any(|path| places.contains(path))
}

fn is_missing(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Scenario: the system tells nothing; then it does, and many files change together.
    /// Guarantees: one look every ten seconds; otherwise one reading after the last change.
    #[tokio::test(start_paused = true)]
    async fn looks_from_time_to_time_where_nothing_is_told() {
        let mut watch = Watch {
            is_polling: true,
            ..Watch::default()
        };
        let started = Instant::now();
        watch.changed().await;
        assert_eq!(started.elapsed().as_secs(), LOOK_INTERVAL.as_secs());

        watch.is_polling = false;
        let started = Instant::now();
        watch.changed.notify_one();
        watch.changed().await;
        assert!(started.elapsed() < Duration::from_secs(1));
        let nothing = tokio::time::timeout(Duration::from_secs(3600), watch.changed()).await;
        assert!(nothing.is_err(), "nothing changed");
    }

    #[test]
    fn reading_a_file_is_no_change() {
        use notify::event::{CreateKind, ModifyKind, RemoveKind, RenameMode};
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let root = directory.path().canonicalize().expect("it is there");
        let places = Places::of(&root.join("bridge.yaml"), &Default::default());
        for (kind, expected) in [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), true),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
            (EventKind::Remove(RemoveKind::File), true),
        ] {
            for (name, is_ours) in [("bridge.yaml", true), ("other.yaml", false)] {
                let event = Event::new(kind).add_path(root.join(name));
                assert_eq!(is_change(&event, &places), expected && is_ours, "{kind:?} {name}");
            }
        }
    }
}
