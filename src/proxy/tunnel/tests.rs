use tokio::io::DuplexStream;

use super::*;
use crate::proxy::config::Proxy;

fn proxy() -> Settings {
    let written = Proxy {
        url: "http://proxy.test:3128".into(),
        username: None,
        password: None,
        no_proxy: None,
    };
    Settings::new(&written).expect("it can be used")
}

/// What becomes of a connection whose proxy answers `answer`, in one piece or byte by byte, and then does as `ending` says.
async fn outcome(answer: &'static [u8], is_bytewise: bool, keeps_open: bool) -> Result<DuplexStream, Error> {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let answering = tokio::spawn(async move {
        let mut request = vec![0; 1024];
        let read = theirs.read(&mut request).await.expect("there is a request");
        let pieces: Vec<&[u8]> = match is_bytewise {
            true => answer.chunks(1).collect(),
            false => vec![answer],
        };
        for piece in pieces {
            // We may have seen enough before its end.
            let _ = theirs.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        if keeps_open {
            std::future::pending::<()>().await;
        }
        request.truncate(read);
        request
    });
    let outcome = open(&proxy(), ours, "hub.test", 5671).await;
    answering.abort();
    outcome
}

#[tokio::test]
async fn asks_in_the_words_of_http() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let asked = tokio::spawn(async move { open(&proxy(), ours, "fd00::1", 443).await });
    let mut request = vec![0; 1024];
    let read = theirs.read(&mut request).await.expect("there is a request");
    let request = String::from_utf8_lossy(&request[..read]);
    assert!(
        request.starts_with("CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\n"),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\n"), "{request}");
    assert!(!request.contains("Authorization"), "{request}");
    theirs
        .write_all(b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n")
        .await
        .expect("it listens");
    assert!(asked.await.expect("it does not panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn tells_every_answer_apart() {
    for (answer, is_lasting, cause, fix) in [
        (
            &b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nbody"[..],
            true,
            "proxy `proxy.test:3128` answers 407 to a connection to `hub.test:5671`; it wants Basic",
            "check `proxy.username`",
        ),
        (
            b"HTTP/1.1 407 No\r\nproxy-authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n",
            true,
            "it wants Negotiate or NTLM",
            "only Basic authentication can be used",
        ),
        (b"HTTP/1.1 403 Filtered\r\n\r\n<html>", true, "answers 403", "allow CONNECT"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", true, "answers 400", "must be an HTTP proxy"),
        (b"HTTP/1.1 429 Slow\r\n\r\n", false, "answers 429", "must be an HTTP proxy"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", false, "answers 502", "proxy's log"),
        (b"HTTP/1.0 503\r\n\r\n", false, "answers 503", "proxy's log"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal\r\n\r\n", false, "answers 302", "must be an HTTP proxy"),
        (b"HTTP/1.1 abc\r\n\r\n", true, "has no status", "must be an HTTP proxy"),
        (b"SSH-2.0-OpenSSH\r\n", true, "is not HTTP", "must be an HTTP proxy"),
        (b"AMQP\x03\x01\x00\x00", true, "is not HTTP", "must be an HTTP proxy"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", true, "sends more than its answer", "must be an HTTP proxy"),
        (b"HTTP/1.1 200 OK\r\n", false, "ended the connection", "the proxy runs"),
        (b"", false, "ended the connection", "the proxy runs"),
    ] {
        for is_bytewise in [false, true] {
            // The last byte of what is too much comes later when it comes byte by byte.
            if is_bytewise && cause.contains("more than") {
                continue;
            }
            let error = outcome(answer, is_bytewise, false).await.expect_err("there is no way through");
            let text = error.to_string();
            assert!(text.contains(cause), "{text}");
            assert_eq!(error.is_lasting(), is_lasting, "{text}");
            assert!(error.fix().contains(fix), "{text}: {}", error.fix());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_or_read_for_ever() {
    let error = outcome(b"HTTP/1.1 200", false, true)
        .await
        .expect_err("it says no more");
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    let endless: &'static [u8] = {
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        head.extend(b"X-Filler: filler\r\n".repeat(2 * MAX_HEAD_BYTES / 18));
        head.leak()
    };
    let error = outcome(endless, false, true).await.expect_err("it has no end");
    assert!(error.to_string().contains("has no end"), "{error}");
}
