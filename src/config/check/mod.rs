//! From the file as written to the settings the program trusts.

mod checkpoint;
mod credential;
mod dead_letter;
mod hub;
mod mappings;
mod proxy;
mod snapshots;
mod exactly_once;
mod target;
mod target_kind;
mod truncation;

use std::ops::Range;
use std::sync::Arc;

pub(super) use self::snapshots::state_directory;
use super::configuration::{Configuration, Intervals};
use super::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use super::event_hub::EventHub;
use super::file::File;
use super::fingerprint::Fingerprint;
use super::options::Options;
use super::reloadable::Sources;
use super::yaml::Node;
use crate::credential::TokenSource;
use crate::event::Timestamp;

/// The most threads that any machine can use.
const MAX_WORKER_THREADS: usize = 256;
/// The fewest events and bytes a window can work with.
const MIN_WINDOW_EVENTS: usize = 16;
const MIN_WINDOW_BYTES: usize = 64 << 10;

/// Checks what the types of the file cannot say. On success there may be warnings.
pub fn check(
    file: &SourceFile,
    root: &Node,
    written: &File,
) -> Result<(Configuration, Diagnostics), Diagnostics> {
    let options = Options::read(file, root);
    // Taken before the files are read: what changes in between is then noticed later, and not missed.
    let fingerprint = Fingerprint::of(&Sources::of(&options));
    let mut check = Check {
        file,
        diagnostics: Diagnostics::default(),
        credential: None,
        proxy: None,
    };
    let mappings = check.mappings(written);
    check.proxy(written);
    let credential = check.credential(written);
    check.credential_use(written);
    let section = root.get("event_hub").map_or(0..0, |node| node.span.clone());
    let hub = check.hub(
        &written.event_hub,
        section,
        credential.as_ref().map(Option::as_ref),
    );
    let checkpoint = check.checkpoint(root, written, credential.as_ref().map(Option::as_ref));
    check.start(&written.event_hub);
    check.window(written);
    check.worker_threads(written);
    check.state(written);
    check.credential = credential;
    let targets = mappings.map(|mappings| check.targets(root, written, &mappings));
    if let Some(targets) = &targets {
        check.forward_to(written, targets);
    }
    if let (Some(checkpoint), Some(targets)) = (&checkpoint, &targets) {
        check.shared_checkpoint(checkpoint, targets, written, root.get("targets"));
    }
    let Check {
        diagnostics,
        credential,
        proxy,
        ..
    } = check;
    let (Some(hub), Some(targets), Some(credential), Some(checkpoint)) =
        (hub, targets, credential, checkpoint)
    else {
        return Err(diagnostics);
    };
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let configuration = Configuration {
        default_group: Arc::clone(&hub.consumer_group),
        hub,
        credential,
        proxy,
        start: written.event_hub.start.clone(),
        checkpoint,
        state_directory: state_directory(written),
        state_items: *written.state.items,
        dead_letter: written.dead_letter.clone(),
        window_events: *written.window.events,
        window_bytes: written.window.bytes.get(),
        grace_period: written.grace_period.get(),
        worker_threads: *written.worker_threads,
        retention: written.event_hub.retention.map(|retention| retention.get()),
        expect_event_every: written
            .event_hub
            .expect_event_every
            .as_ref()
            .map(|written| written.get()),
        http: written.http.listen,
        log: written.log,
        intervals: Intervals::default(),
        reload: written.reload,
        options,
        fingerprint,
        targets,
    };
    Ok((configuration, diagnostics))
}

struct Check<'f> {
    file: &'f SourceFile,
    diagnostics: Diagnostics,
    /// For the targets; `None` if there is one that cannot be used.
    credential: Option<Option<TokenSource>>,
    /// The way out of everything that is checked after it.
    proxy: Option<Arc<crate::proxy::Settings>>,
}

impl Check<'_> {
    fn error(&mut self, span: Range<usize>, code: &'static str, message: String, label: &str, help: &str) {
        let diagnostic = Diagnostic::new(code, message).at(self.file, span, label);
        self.diagnostics.push(if help.is_empty() {
            diagnostic
        } else {
            diagnostic.help(help)
        });
    }

    /// The same where a secret may stand in the wrong place within `span`.
    fn error_masked(
        &mut self,
        span: Range<usize>,
        code: &'static str,
        message: String,
        label: &str,
        help: &str,
    ) {
        self.error(span, code, message, label, help);
        if let Some(diagnostic) = self.diagnostics.0.pop() {
            self.diagnostics.push(diagnostic.masked());
        }
    }

    fn start(&mut self, written: &EventHub) {
        if let super::event_hub::Start::EnqueuedAfter(time) = &written.start
            && Timestamp::parse(&time.value).is_none()
        {
            let message = format!("`{}` is no time", time.value);
            let help = "write RFC 3339, such as `2026-01-31T00:00:00Z`";
            self.error(
                time.span.clone(),
                "config::invalid_value",
                message,
                "this value",
                help,
            );
        }
    }

    fn window(&mut self, written: &File) {
        let events = &written.window.events;
        if events.value < MIN_WINDOW_EVENTS {
            let message = format!("a window of {} events is too small to work with", events.value);
            self.error(
                events.span.clone(),
                "config::invalid_value",
                message,
                "at least 16",
                "",
            );
        }
        let bytes = &written.window.bytes;
        if bytes.get() < MIN_WINDOW_BYTES {
            let message = format!("a window of {} is too small to work with", bytes.value);
            self.error(
                bytes.span.clone(),
                "config::invalid_value",
                message,
                "at least 64KiB",
                "",
            );
        }
    }

    fn worker_threads(&mut self, written: &File) {
        let threads = &written.worker_threads;
        if threads.get() > MAX_WORKER_THREADS {
            let message = format!("{} worker threads are too many to work with", threads.value);
            let help = "more than there are cores brings nothing";
            self.error(
                threads.span.clone(),
                "config::invalid_value",
                message,
                "at most 256",
                help,
            );
        }
    }
}
