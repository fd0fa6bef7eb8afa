//! Why records are sent again, for every target kind that speaks over a network.

/// Why a batch is tried again. A closed set: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryReason {
    /// The peer could not be reached.
    Connect,
    /// TLS could not be agreed on.
    Tls,
    /// The connection ended while something was unconfirmed or unanswered.
    ConnectionLost,
    /// No whole reply came in time.
    Timeout,
    /// A reply that no such peer gives, or a part of one, or none.
    Surprise,
    /// The peer has too much to do.
    Busy,
    /// The peer is in trouble.
    Unavailable,
    /// The peer refuses until a configuration is mended.
    Blocked,
    /// A record of the batch was refused; this part was not.
    Partial,
    /// The batch was too large and is divided.
    TooLarge,
    /// Compressed requests are not taken.
    CompressionRefused,
    /// Another node answered, so the acknowledgement can never come.
    ChannelLost,
    /// No acknowledgement came in time.
    AcknowledgementTimeout,
    /// The peer refused a record, which may be the record's fault or not.
    Refused,
    /// The client was replaced after a fatal error.
    Rebuilt,
    /// An older record of the same key failed, and must not come after this one.
    Overtaken,
}

impl RetryReason {
    /// The word in the label.
    pub fn as_str(self) -> &'static str {
        match self {
            RetryReason::Connect => "connect",
            RetryReason::Tls => "tls",
            RetryReason::ConnectionLost => "connection_lost",
            RetryReason::Timeout => "timeout",
            RetryReason::Surprise => "surprise",
            RetryReason::Busy => "busy",
            RetryReason::Unavailable => "unavailable",
            RetryReason::Blocked => "blocked",
            RetryReason::Partial => "partial",
            RetryReason::TooLarge => "too_large",
            RetryReason::CompressionRefused => "compression_refused",
            RetryReason::ChannelLost => "channel_lost",
            RetryReason::AcknowledgementTimeout => "acknowledgement_timeout",
            RetryReason::Refused => "refused",
            RetryReason::Rebuilt => "rebuilt",
            RetryReason::Overtaken => "overtaken",
        }
    }
}
