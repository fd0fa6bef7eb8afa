//! The outgoing half of a session: the peer's window, and deliveries as transfer frames.

use bytes::{BufMut, BytesMut};

use super::codec::{FRAME_AMQP, Fields};

/// Bytes of a frame before the payload: frame header and transfer performative, rounded up.
const OVERHEAD: usize = 48;

/// Numbers and room of the transfers of one session.
#[derive(Debug)]
pub(super) struct Outgoing {
    channel: u16,
    /// Transfer id of the next frame.
    next_id: u32,
    /// Id of the next delivery; some peers refuse a gap, so it does not follow the frames.
    next_delivery_id: u32,
    /// Frames the peer still takes.
    window: u32,
    frame_size_max: usize,
}

impl Outgoing {
    /// A session that has sent nothing yet.
    pub fn new(channel: u16, window: u32, frame_size_max: usize) -> Self {
        Self {
            channel,
            next_id: 0,
            next_delivery_id: 0,
            window,
            frame_size_max,
        }
    }

    /// The transfer id of the next frame.
    pub fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Takes over the peer's view of its window.
    pub fn update(&mut self, flow: &Fields) {
        let under_way = self.next_id.wrapping_sub(flow.uint(0).unwrap_or(0));
        self.window = flow.uint(1).unwrap_or(u32::MAX).saturating_sub(under_way);
    }

    /// Whether the peer's window has room for the frames of a message of `size` bytes.
    pub fn fits(&self, size: usize) -> bool {
        size.div_ceil(self.frame_size_max - OVERHEAD) <= self.window as usize
    }

    /// Appends one settled delivery, in as many frames as the peer's frame size asks for.
    pub fn put_delivery(&mut self, out: &mut BytesMut, handle: u32, delivery: u32, message: &[u8]) {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        let mut parts = message.chunks(self.frame_size_max - OVERHEAD).peekable();
        while let Some(part) = parts.next() {
            let more = parts.peek().is_some();
            self.put_frame(out, &performative(handle, id, delivery, more), part);
        }
    }

    /// Appends the first half of a delivery, as a peer does that dies while it sends.
    pub fn put_torn_delivery(&mut self, out: &mut BytesMut, handle: u32, delivery: u32, message: &[u8]) {
        let half = message.len().min(self.frame_size_max - OVERHEAD) / 2;
        let transfer = performative(handle, self.next_delivery_id, delivery, true);
        self.put_frame(out, &transfer, &message[..half]);
    }

    fn put_frame(&mut self, out: &mut BytesMut, transfer: &[u8], payload: &[u8]) {
        let size = 8 + transfer.len() + payload.len();
        out.put_u32(u32::try_from(size).expect("a frame is below the peer's frame size"));
        out.put_slice(&[2, FRAME_AMQP]);
        out.put_u16(self.channel);
        out.put_slice(transfer);
        out.put_slice(payload);
        self.next_id = self.next_id.wrapping_add(1);
        self.window = self.window.saturating_sub(1);
    }
}

/// A transfer with all its eleven fields, on which the official Python client counts. The tag is the number of the
/// delivery within its link.
fn performative(handle: u32, id: u32, delivery: u32, more: bool) -> [u8; 30] {
    let mut bytes = [0; 30];
    bytes[..6].copy_from_slice(&[0x00, 0x53, 0x14, 0xc0, 25, 11]);
    bytes[6] = 0x70;
    bytes[7..11].copy_from_slice(&handle.to_be_bytes());
    bytes[11] = 0x70;
    bytes[12..16].copy_from_slice(&id.to_be_bytes());
    bytes[16..18].copy_from_slice(&[0xa0, 4]);
    bytes[18..22].copy_from_slice(&delivery.to_be_bytes());
    let more = if more { 0x41 } else { 0x42 };
    // Message format 0, settled, more, no settle mode, no state, not resumed, not aborted, batchable.
    bytes[22..].copy_from_slice(&[0x43, 0x41, more, 0x40, 0x40, 0x42, 0x42, 0x41]);
    bytes
}
