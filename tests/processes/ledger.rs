//! What arrived: at the receiver by its output, in the dead letters by their files, item by item.
//!
//! A test sends items that are numbered from 0 and spread over the partitions in turn, so the number gives the
//! coordinates: item `n` of `p` partitions is event `n / p` of partition `n % p`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// What stands before the number of an item, in ids and bodies.
pub const MARK: &str = "item-";

/// Reads complete lines as a file grows.
pub struct Tail {
    pub path: PathBuf,
    offset: u64,
    rest: Vec<u8>,
}

impl Tail {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
            rest: Vec::new(),
        }
    }

    /// Calls `line` for every line completed since the last call. A file that is not there yet has none.
    pub fn read(&mut self, mut line: impl FnMut(&[u8])) {
        let Ok(mut file) = File::open(&self.path) else {
            return;
        };
        file.seek(SeekFrom::Start(self.offset))
            .expect("files can be sought");
        let before = self.rest.len();
        file.read_to_end(&mut self.rest).expect("the file is ours");
        self.offset += (self.rest.len() - before) as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        self.rest[..end].split(|byte| *byte == b'\n').for_each(&mut line);
        self.rest.drain(..=end);
    }
}

/// Counts items.
pub struct Ledger {
    tails: Vec<Tail>,
    partitions: usize,
    /// How often each item arrived.
    pub arrivals: Vec<u32>,
    /// Items that arrived at least once, by partition.
    pub distinct: Vec<u64>,
}

impl Ledger {
    /// A ledger for `items` items on `partitions` partitions.
    pub fn new(items: usize, partitions: usize) -> Self {
        Self {
            tails: Vec::new(),
            partitions,
            arrivals: vec![0; items],
            distinct: vec![0; partitions],
        }
    }

    /// Also reads this output from now on.
    pub fn follow(&mut self, output: &Path) {
        self.tails.push(Tail::new(output));
    }

    /// Takes in what arrived since the last call. Calls `repeat` with each item that had arrived before.
    pub fn refresh(&mut self, mut arrived: impl FnMut(usize, bool)) {
        for tail in &mut self.tails {
            tail.read(|line| {
                let number =
                    item(line).unwrap_or_else(|| panic!("no item: {}", String::from_utf8_lossy(line)));
                let arrivals = &mut self.arrivals[number];
                *arrivals += 1;
                if *arrivals == 1 {
                    self.distinct[number % self.partitions] += 1;
                }
                arrived(number, *arrivals > 1);
            });
        }
    }

    /// Number of items that arrived at least once.
    pub fn total(&mut self) -> u64 {
        self.refresh(|_, _| {});
        self.distinct.iter().sum()
    }

    /// Items that arrived more than once.
    pub fn repeated(&self) -> Vec<usize> {
        (0..self.arrivals.len())
            .filter(|number| self.arrivals[*number] > 1)
            .collect()
    }
}

/// The number of the first item that `bytes` name.
pub fn item(bytes: &[u8]) -> Option<usize> {
    let start = bytes
        .windows(MARK.len())
        .position(|window| window == MARK.as_bytes())?
        + MARK.len();
    let digits = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(&bytes[start..start + digits])
        .ok()?
        .parse()
        .ok()
}

/// The dead letters of a test's directory, oldest first within a file.
pub fn dead_letters(directory: &Path) -> Vec<Value> {
    let mut letters = Vec::new();
    for path in files(&directory.join("dead-letters")) {
        if path.extension().is_some_and(|extension| extension == "letters") {
            Tail::new(&path).read(|line| letters.push(letter(line)));
        }
    }
    letters
}

/// The letter in a line of a segment, behind its length and checksum.
fn letter(line: &[u8]) -> Value {
    let json = line
        .splitn(3, |byte| *byte == b' ')
        .nth(2)
        .expect("an entry has three parts");
    serde_json::from_slice(json).expect("a dead letter is JSON")
}

/// The bytes a dead letter keeps.
pub fn letter_body(letter: &Value) -> Vec<u8> {
    let body = letter["body"]
        .as_str()
        .or(letter["rendered"].as_str())
        .unwrap_or("");
    BASE64_STANDARD.decode(body).expect("a body is base64")
}

/// The stored sequence number of each partition that has a checkpoint.
pub fn checkpoints(directory: &Path) -> HashMap<usize, i64> {
    let mut stored = HashMap::new();
    for path in files(&directory.join("state")) {
        let in_checkpoints = path.parent().is_some_and(|parent| parent.ends_with("checkpoint"));
        let partition = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let Some(partition) = partition.filter(|_| in_checkpoints) {
            let text = fs::read(&path).expect("a checkpoint is replaced in one step");
            let checkpoint: Value = serde_json::from_slice(&text).expect("a checkpoint is never torn");
            stored.insert(
                partition,
                checkpoint["sequence_number"].as_i64().expect("a number"),
            );
        }
    }
    stored
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
