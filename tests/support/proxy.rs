//! A TCP proxy in the test's own process that breaks a connection, or a whole port, and restores it.
//!
//! It stands between the bridge and a peer. A change of mode holds for open and new connections alike.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// What a read takes at most.
const CHUNK_SIZE_BYTES: usize = 64 * 1024;

/// Longest wait for a state of the proxy; a test that gets here has failed.
const STATE_TIMEOUT: Duration = Duration::from_secs(60);

/// How the proxy treats what passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// As if the proxy were not there.
    Pass,
    /// The port is closed: a new connection is refused. Open ones go on.
    Refuse,
    /// Nothing moves in either direction, not even the end of a connection; new connections are accepted.
    Stall,
    /// Nothing moves in this direction, as with `Stall`; the other one is free.
    Withhold(Direction),
    /// Every chunk that was read waits this long; a sender of many chunks is slowed down too.
    Latency(Duration),
    /// Bytes per second, for each connection and direction.
    Bandwidth(usize),
    /// A connection passes so many more bytes in one direction, and is then closed.
    CutAfter(Direction, usize),
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the one who connected to the proxy.
    ToUpstream,
    /// To the one who connected to the proxy.
    ToClient,
}

/// A running proxy; ends with all its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Bound and not listening: while the port is closed, nobody else can get it.
    _port: TcpSocket,
    _accept: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: watch::Sender<SocketAddr>,
    mode: watch::Sender<Mode>,
    generation: Mutex<Generation>,
    is_listening: watch::Sender<bool>,
    open_connections: watch::Sender<usize>,
}

/// The connections that one reset ends: those accepted since the one before.
#[derive(Debug, Default)]
struct Generation {
    reset: CancellationToken,
    connections: TaskTracker,
}

impl Proxy {
    /// Listens on a free port of this machine and passes everything to `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let port = TcpSocket::new_v4().expect("a socket can be made");
        port.set_reuseaddr(true).expect("a new socket takes options");
        port.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .expect("this machine has a free port");
        let address = port.local_addr().expect("a bound socket has an address");
        let listener = TcpListener::bind(address).await.expect("the port is ours");
        let shared = Arc::new(Shared {
            upstream: watch::Sender::new(upstream),
            mode: watch::Sender::new(Mode::Pass),
            generation: Mutex::default(),
            is_listening: watch::Sender::new(true),
            open_connections: watch::Sender::new(0),
        });
        let accept = tokio::spawn(accept(listener, address, shared.clone()));
        Self {
            address,
            shared,
            _port: port,
            _accept: AbortOnDropHandle::new(accept),
        }
    }

    /// Where to connect; the same over every change of mode.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode, and returns when the port is open or closed as the mode wants it.
    pub async fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
        let wanted = mode != Mode::Refuse;
        reach(&self.shared.is_listening, |is_listening| *is_listening == wanted).await;
    }

    /// Sends new connections to another address: a peer that came back elsewhere.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.shared.upstream.send_replace(upstream);
    }

    /// Ends every open connection with a TCP reset on both sides, and returns when none is left of them.
    pub async fn reset_connections(&self) {
        let ended = std::mem::take(&mut *self.shared.lock_generation());
        ended.reset.cancel();
        ended.connections.close();
        // Not until none is open: whoever was reset may be back at once.
        let wait = timeout(STATE_TIMEOUT, ended.connections.wait()).await;
        wait.expect("the connections end in time");
    }

    /// Waits until so many connections are open.
    pub async fn wait_until_open(&self, count: usize) {
        reach(&self.shared.open_connections, |open| *open == count).await;
    }
}

impl Shared {
    fn lock_generation(&self) -> MutexGuard<'_, Generation> {
        self.generation.lock().expect("no holder of this lock panics")
    }
}

async fn reach<T>(state: &watch::Sender<T>, is_reached: impl FnMut(&T) -> bool) {
    let mut state = state.subscribe();
    let wait = timeout(STATE_TIMEOUT, state.wait_for(is_reached)).await;
    wait.expect("the proxy reaches its state in time")
        .expect("the proxy holds the sender");
}

async fn accept(mut listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut mode = shared.mode.subscribe();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = until(&mut mode, |mode| mode == Mode::Refuse) => {
                drop(listener);
                shared.is_listening.send_replace(false);
                until(&mut mode, |mode| mode != Mode::Refuse).await;
                listener = TcpListener::bind(address).await.expect("the port is still ours");
                shared.is_listening.send_replace(true);
            }
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("a listening socket accepts");
                shared.open_connections.send_modify(|open| *open += 1);
                connections.spawn(tracked(client, &shared));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn tracked(client: TcpStream, shared: &Arc<Shared>) -> impl Future<Output = ()> + Send + use<> {
    let generation = shared.lock_generation();
    let connection = connect_and_relay(client, shared.clone(), generation.reset.clone());
    generation.connections.track_future(connection)
}

async fn connect_and_relay(client: TcpStream, shared: Arc<Shared>, reset: CancellationToken) {
    let upstream = *shared.upstream.borrow();
    if let Ok(upstream) = TcpStream::connect(upstream).await {
        relay(client, upstream, &shared, &reset).await;
    }
    shared.open_connections.send_modify(|open| *open -= 1);
}

async fn relay(mut client: TcpStream, mut upstream: TcpStream, shared: &Shared, reset: &CancellationToken) {
    for stream in [&client, &upstream] {
        stream
            .set_nodelay(true)
            .expect("a connected socket takes options");
    }
    let (client_read, client_write) = client.split();
    let (upstream_read, upstream_write) = upstream.split();
    let is_reset = tokio::select! {
        _ = both(
            pump(client_read, upstream_write, Direction::ToUpstream, shared.mode.subscribe()),
            pump(upstream_read, client_write, Direction::ToClient, shared.mode.subscribe()),
        ) => false,
        () = reset.cancelled() => true,
    };
    if is_reset {
        for stream in [&client, &upstream] {
            stream
                .set_zero_linger()
                .expect("a connected socket takes options");
        }
    }
}

/// Ends when both directions ended in order, or as soon as one broke.
async fn both(
    first: impl Future<Output = ControlFlow<()>>,
    second: impl Future<Output = ControlFlow<()>>,
) -> ControlFlow<()> {
    tokio::pin!(first, second);
    tokio::select! {
        flow = &mut first => {
            flow?;
            second.await
        }
        flow = &mut second => {
            flow?;
            first.await
        }
    }
}

/// Moves bytes one way. Breaks where the whole connection has to end: an error, or a cut.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut modes: watch::Receiver<Mode>,
) -> ControlFlow<()> {
    let mut chunk = vec![0; CHUNK_SIZE_BYTES];
    let mut passed_since_cut_was_set = 0;
    modes.mark_unchanged();
    loop {
        let limit = read_limit(*modes.borrow());
        let Ok(length) = from.read(&mut chunk[..limit]).await else {
            return ControlFlow::Break(());
        };
        // Before the look at the mode: what waits here must not pass after the line was stalled.
        let mode = *modes.borrow();
        if length > 0 {
            sleep(delay(mode, length)).await;
        }
        until(&mut modes, |mode| {
            mode != Mode::Stall && mode != Mode::Withhold(direction)
        })
        .await;
        if modes.has_changed().expect("the proxy holds the sender") {
            passed_since_cut_was_set = 0;
        }
        let mode = *modes.borrow_and_update();
        if length == 0 {
            return end_of(to.shutdown().await);
        }
        let allowed = match mode {
            Mode::CutAfter(way, bytes) if way == direction => length.min(bytes - passed_since_cut_was_set),
            _ => length,
        };
        passed_since_cut_was_set += allowed;
        end_of(to.write_all(&chunk[..allowed]).await)?;
        if matches!(mode, Mode::CutAfter(way, bytes) if way == direction && passed_since_cut_was_set == bytes)
        {
            return ControlFlow::Break(());
        }
    }
}

fn end_of(result: std::io::Result<()>) -> ControlFlow<()> {
    result.map_or(ControlFlow::Break(()), ControlFlow::Continue)
}

/// A slow line must not take a large chunk at once and then be silent for seconds.
fn read_limit(mode: Mode) -> usize {
    match mode {
        Mode::Bandwidth(bytes_per_second) => (bytes_per_second / 20).clamp(1, CHUNK_SIZE_BYTES),
        _ => CHUNK_SIZE_BYTES,
    }
}

fn delay(mode: Mode, length: usize) -> Duration {
    match mode {
        Mode::Latency(latency) => latency,
        Mode::Bandwidth(bytes_per_second) => Duration::from_secs_f64(length as f64 / bytes_per_second as f64),
        _ => Duration::ZERO,
    }
}

/// Waits for a mode without marking it as seen by `borrow_and_update`'s measure of change.
async fn until(modes: &mut watch::Receiver<Mode>, is_wanted: impl Fn(Mode) -> bool) {
    let mut modes = modes.clone();
    let wait = modes.wait_for(|mode| is_wanted(*mode)).await;
    wait.expect("the proxy holds the sender");
}
