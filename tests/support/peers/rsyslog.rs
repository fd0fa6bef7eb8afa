//! rsyslog, with one input and one file of JSON lines.

use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::process::Process;
use super::{Certificates, Packages, Transport};

/// What differs from one rsyslog to another.
#[derive(Clone)]
pub struct Options {
    /// How messages come in.
    pub transport: Transport,
    /// `maxMessageSize`: longest message in bytes; rsyslog cuts what is longer. 8,096 is what an empty configuration has.
    pub message_limit: usize,
    /// Further parameters of its main queue, which is in memory without them.
    pub main_queue: &'static str,
    /// For TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// Whether the client has to show the certificate of [`Certificates::client`]; then by its name.
    pub wants_client_certificate: bool,
}

impl Options {
    /// As an empty configuration has it. With TLS, the receiver is `localhost` and its client remains unknown.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            message_limit: 8_096,
            main_queue: "",
            certificates: transport
                .is_tls()
                .then(|| Arc::new(Certificates::new("localhost"))),
            wants_client_certificate: false,
        }
    }
}

/// A running rsyslog; ends when dropped.
pub struct Rsyslog {
    process: Process,
    packages: Packages,
}

impl Rsyslog {
    /// Starts one and waits until it listens.
    pub async fn start(packages: &Packages, options: &Options) -> Self {
        let process = Process::new(options.transport);
        let text = configuration(&process, options);
        std::fs::write(process.path("rsyslog.conf"), text).expect("it can be written");
        let mut rsyslog = Self {
            process,
            packages: packages.clone(),
        };
        rsyslog.resume().await;
        rsyslog
    }

    /// Starts it again after [`Process::stop`] or [`Process::kill`], with the same port and files.
    pub async fn resume(&mut self) {
        let modules = self.packages.folder("usr/lib", "rsyslog").join("rsyslog");
        // A process that was killed leaves it behind, and the next one would not start.
        let pid = self.process.path("pid");
        let _ = std::fs::remove_file(&pid);
        let mut command = self.packages.command("usr/sbin/rsyslogd");
        command.arg("-n").arg("-M").arg(modules);
        command.arg("-f").arg(self.process.path("rsyslog.conf"));
        command.arg("-i").arg(pid);
        self.process.start(command).await;
    }

    /// Stops it and starts it again.
    pub async fn restart(&mut self) {
        self.process.stop().await;
        self.resume().await;
    }
}

impl Deref for Rsyslog {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Rsyslog {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn configuration(process: &Process, options: &Options) -> String {
    let port = process.address().port();
    let limit = options.message_limit;
    let folder = process.path("");
    let folder = folder.display();
    let output = process.output();
    let output = output.display();
    let mut text = String::new();
    let global = match options.transport {
        Transport::Tls => driver_files(options),
        _ => String::new(),
    };
    let queue = options.main_queue;
    // What was answered as taken has to be written before a clean end, however slow the machine is.
    writeln!(
        text,
        r#"global(workDirectory="{folder}" maxMessageSize="{limit}" {global})
main_queue(queue.timeoutShutdown="100000" {queue})
template(name="json" type="string" string="%jsonmesg%\n")"#
    )
    .expect("text grows");
    let input = match options.transport {
        Transport::Udp => "imudp",
        Transport::Tcp | Transport::Tls => "imtcp",
        Transport::Relp | Transport::RelpTls => "imrelp",
    };
    let (module, parameters) = match options.transport {
        Transport::Udp | Transport::Tcp | Transport::Relp => (String::new(), String::new()),
        Transport::Tls => (driver(options), String::new()),
        Transport::RelpTls => (r#"tls.tlslib="openssl""#.to_owned(), relp_tls(options)),
    };
    writeln!(
        text,
        r#"module(load="{input}" {module})
input(type="{input}" address="127.0.0.1" port="{port}" {parameters})
action(type="omfile" file="{output}" template="json")"#
    )
    .expect("text grows");
    text
}

fn driver_files(options: &Options) -> String {
    let (ca, certificate, key) = files(options);
    format!(
        r#"defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}""#
    )
}

fn driver(options: &Options) -> String {
    let authentication = if options.wants_client_certificate {
        r#"streamDriver.authMode="x509/name" permittedPeer=["client.test"]"#
    } else {
        r#"streamDriver.authMode="anon""#
    };
    format!(r#"streamDriver.name="ossl" streamDriver.mode="1" {authentication}"#)
}

fn relp_tls(options: &Options) -> String {
    let (ca, certificate, key) = files(options);
    let authentication = if options.wants_client_certificate {
        r#"tls.authMode="name" tls.permittedPeer=["client.test"]"#
    } else {
        ""
    };
    format!(r#"tls="on" tls.caCert="{ca}" tls.myCert="{certificate}" tls.myPrivKey="{key}" {authentication}"#)
}

fn files(options: &Options) -> (String, String, String) {
    let certificates = options.certificates.as_ref().expect("TLS needs certificates");
    let (certificate, key) = certificates.server();
    let text = |path: std::path::PathBuf| path.display().to_string();
    (text(certificates.ca()), text(certificate), text(key))
}
