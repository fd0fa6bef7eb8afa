//! Standard output, a pipe or a device: what was written cannot be taken back, so a try goes on where the last ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Where bytes go that cannot be taken back.
#[derive(Debug)]
pub struct Stream {
    /// `None` is standard output.
    path: Option<PathBuf>,
    file: Option<File>,
    /// Bytes of the present batch that were written by failed tries.
    written: usize,
}

impl Stream {
    /// Standard output, or a path that is no regular file; opened at the first use.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            file: None,
            written: 0,
        }
    }

    /// Writes `lines`. After an error the same lines must be given again; what was written of them is left out.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        while self.written < lines.len() {
            match file.write(&lines[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if file.metadata()?.is_file() {
            // Standard output that was redirected to a file can keep the promise of a file.
            file.sync_data()?;
        }
        self.written = 0;
        self.file = Some(file);
        Ok(())
    }

    /// A handle of its own, without the buffer of the standard library: a failed write must not keep bytes back.
    fn open(&self) -> io::Result<File> {
        match &self.path {
            Some(path) => OpenOptions::new().append(true).open(path),
            None => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Scenario: the first bytes of a batch were written, then the stream failed.
    /// Guarantees: the next try writes the rest, and the batch after it starts at its beginning.
    #[test]
    fn goes_on_where_the_last_try_ended() {
        let (mut reader, writer) = io::pipe().expect("a pipe can be made");
        let mut stream = Stream {
            path: Some("/dev/full".into()),
            file: None,
            written: 4,
        };
        stream.write(b"one\ntwo\n").expect_err("the device is full");
        stream.file = Some(File::from(std::os::fd::OwnedFd::from(writer)));
        stream.write(b"one\ntwo\n").expect("the pipe takes it");
        stream.write(b"three\n").expect("the pipe takes it");
        drop(stream);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("it is text");
        assert_eq!(text, "two\nthree\n");
    }
}
