//! syslog-ng, with one source and one file of JSON lines.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::process::Process;
use super::{Certificates, Packages, Transport};

/// What differs from one syslog-ng to another.
#[derive(Clone)]
pub struct Options {
    /// How messages come in; not RELP.
    pub transport: Transport,
    /// The source driver.
    pub source: Source,
    /// `log-msg-size`: longest message in bytes. 65,536 is what an empty configuration has.
    pub message_limit: usize,
    /// For TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// Whether the client has to show a certificate of the same authority.
    pub wants_client_certificate: bool,
}

/// The two drivers for the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `syslog()`: RFC 5424, frames with counted octets.
    Syslog,
    /// `network()`: RFC 3164, lines.
    Network,
    /// `network()` with `flags(syslog-protocol)`: RFC 5424, lines.
    NetworkProtocol,
}

impl Options {
    /// As an empty configuration has it. With TLS, the receiver is `localhost` and its client remains unknown.
    pub fn new(source: Source, transport: Transport) -> Self {
        Self {
            transport,
            source,
            message_limit: 65_536,
            certificates: transport
                .is_tls()
                .then(|| Arc::new(Certificates::new("localhost"))),
            wants_client_certificate: false,
        }
    }
}

/// A running syslog-ng; ends when dropped.
pub struct SyslogNg {
    process: Process,
    packages: Packages,
}

impl SyslogNg {
    /// Starts one and waits until it listens.
    pub async fn start(packages: &Packages, options: &Options) -> Self {
        let process = Process::new(options.transport);
        let text = configuration(&process, options);
        std::fs::write(process.path("syslog-ng.conf"), text).expect("it can be written");
        let mut syslog_ng = Self {
            process,
            packages: packages.clone(),
        };
        syslog_ng.resume().await;
        syslog_ng
    }

    /// Starts it again after [`Process::stop`] or [`Process::kill`], with the same port and files.
    pub async fn resume(&mut self) {
        let modules = self.packages.folder("usr/lib/syslog-ng", "libafsocket.so");
        let path = |name| self.process.path(name);
        let mut command = self.packages.command("usr/sbin/syslog-ng");
        command.args(["-F", "--no-caps", "--stderr", "--module-path"]);
        command.arg(modules);
        command.arg("-f").arg(path("syslog-ng.conf"));
        command.arg("--persist-file").arg(path("persist"));
        command.arg("--control").arg(path("control"));
        command.arg("--pidfile").arg(path("pid"));
        self.process.start(command).await;
    }

    /// Stops it and starts it again.
    pub async fn restart(&mut self) {
        self.process.stop().await;
        self.resume().await;
    }
}

impl Deref for SyslogNg {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for SyslogNg {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn configuration(process: &Process, options: &Options) -> String {
    let (driver, flags) = match options.source {
        Source::Syslog => ("syslog", ""),
        Source::Network => ("network", ""),
        Source::NetworkProtocol => ("network", "flags(syslog-protocol)"),
    };
    let (transport, tls) = match options.transport {
        Transport::Udp => ("udp", String::new()),
        Transport::Tcp => ("tcp", String::new()),
        Transport::Tls => ("tls", tls(options)),
        Transport::Relp | Transport::RelpTls => panic!("syslog-ng has no RELP source"),
    };
    let port = process.address().port();
    let limit = options.message_limit;
    let output = process.output();
    let output = output.display();
    // The names are those of rsyslog's properties.
    format!(
        r#"@version: 3.35
options {{ keep-hostname(yes); flush-lines(1); stats-freq(0); log-msg-size({limit}); frac-digits(6); }};
source network {{ {driver}(transport("{transport}") ip("127.0.0.1") port({port}) {flags} {tls}); }};
destination records {{ file("{output}" template("$(format-json --pair msg=\"$MESSAGE\" --pair hostname=\"$HOST\" --pair app-name=\"$PROGRAM\" --pair msgid=\"$MSGID\" --pair pri=\"$PRI\" --pair timereported=\"$S_ISODATE\" --pair structured-data=\"$SDATA\")\n")); }};
log {{ source(network); destination(records); }};
"#
    )
}

fn tls(options: &Options) -> String {
    let certificates = options.certificates.as_ref().expect("TLS needs certificates");
    let (certificate, key) = certificates.server();
    let verify = if options.wants_client_certificate {
        format!(
            r#"peer-verify(required-trusted) ca-file("{}")"#,
            certificates.ca().display()
        )
    } else {
        "peer-verify(optional-untrusted)".to_owned()
    };
    format!(
        r#"tls(key-file("{}") cert-file("{}") {verify})"#,
        key.display(),
        certificate.display()
    )
}
