//! The collector's codes: status and text of each.

/// Status and text of a code.
pub fn status_and_text(code: u16) -> (u16, &'static str) {
    match code {
        0 => (200, "Success"),
        1 => (403, "Token disabled"),
        2 => (401, "Token is required"),
        3 => (401, "Invalid authorization"),
        4 => (403, "Invalid token"),
        5 => (400, "No data"),
        6 => (400, "Invalid data format"),
        7 => (400, "Incorrect index"),
        8 => (500, "Internal server error"),
        9 => (503, "Server is busy"),
        10 => (400, "Data channel is missing"),
        11 => (400, "Invalid data channel"),
        12 => (400, "Event field is required"),
        13 => (400, "Event field cannot be blank"),
        14 => (400, "ACK is disabled"),
        15 => (400, "Error in handling indexed fields"),
        16 => (400, "Query string authorization is not enabled"),
        17 => (200, "HEC is healthy"),
        18 => (503, "HEC is unhealthy, queues are full"),
        19 => (503, "HEC is unhealthy, ack service unavailable"),
        20 => (503, "HEC is unhealthy, queues are full, ack service unavailable"),
        23 => (503, "Server is shutting down"),
        24 => (200, "Queue is approaching capacity"),
        25 => (200, "Ack channel is approaching capacity"),
        26 => (429, "Queue is at capacity"),
        27 => (429, "Ack channel is at capacity"),
        404 => (404, "The requested URL was not found on this server."),
        _ => (400, "Unknown"),
    }
}

/// The JSON body of a reply.
pub fn body(code: u16, invalid_event_number: Option<usize>, acknowledgement: Option<u64>) -> String {
    let (_, text) = status_and_text(code);
    let number = invalid_event_number.map_or(String::new(), |number| {
        format!(",\"invalid-event-number\":{number}")
    });
    let id = acknowledgement.map_or(String::new(), |id| format!(",\"ackId\":{id}"));
    format!("{{\"text\":\"{text}\",\"code\":{code}{number}{id}}}")
}

/// What a proxy answers when the collector behind it is away.
pub const PAGE: &str =
    "<!doctype html><html><head><title>Error</title></head><body>This is no collector.</body></html>";
