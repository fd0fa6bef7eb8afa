//! Rendered records of one target side by side in memory: many small allocations, freed one by one on another thread,
//! would cost time at the allocator and leave holes.

use bytes::{Bytes, BytesMut};

/// Size of one chunk. All of it stays until its last record is let go, so records of different targets never share one:
/// what a blocked target holds would keep what others are done with.
const CHUNK_BYTES: usize = 32 << 10;

/// Where the renderings of one target go.
#[derive(Debug, Default)]
pub struct Chunk {
    buffer: BytesMut,
}

impl Chunk {
    /// A copy of `bytes` in this chunk; a large one gets memory of its own.
    pub fn store(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > CHUNK_BYTES / 2 {
            return Bytes::copy_from_slice(bytes);
        }
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            self.buffer = BytesMut::with_capacity(CHUNK_BYTES);
        }
        self.buffer.extend_from_slice(bytes);
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_record_as_it_was() {
        let mut chunk = Chunk::default();
        let records: Vec<Vec<u8>> = (0..200)
            .map(|index: usize| vec![index as u8; index * 400])
            .collect();
        let stored: Vec<Bytes> = records.iter().map(|record| chunk.store(record)).collect();
        assert!(
            stored
                .iter()
                .zip(&records)
                .all(|(stored, record)| stored[..] == record[..])
        );
    }
}
