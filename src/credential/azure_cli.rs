//! Runs `az`, and ends it with whoever waits for it.

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};

use async_trait::async_trait;
use azure_identity::Executor;

/// Runs a command in a child process that does not outlive its caller's patience.
#[derive(Debug)]
pub(super) struct Process;

#[async_trait]
impl Executor for Process {
    async fn run(&self, program: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        tokio::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
    }
}
