//! What differs from one broker to another, and the configuration that says so.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::Certificates;

/// What differs from one broker to another.
#[derive(Clone, Default)]
pub struct Options {
    /// A listener with TLS; the broker is called by [`Certificates::new`].
    pub certificates: Option<Arc<Certificates>>,
    /// Whether a client over TLS has to show the certificate of [`Certificates::client`].
    pub wants_client_certificate: bool,
    /// A listener without TLS that asks for a login: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    pub login: Option<Login>,
    /// Further lines of `server.properties`.
    pub properties: Vec<(String, String)>,
}

/// A user the broker knows, by every mechanism.
#[derive(Clone)]
pub struct Login {
    /// Name of the user.
    pub username: String,
    /// Password of the user.
    pub password: String,
}

/// Ports of the listeners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plaintext: u16,
    pub(super) controller: u16,
    pub(super) tls: u16,
    pub(super) sasl: u16,
}

/// The content of `server.properties` for a broker that keeps everything below `directory`.
pub(super) fn properties(options: &Options, ports: Ports, directory: &Path) -> String {
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{}", ports.plaintext);
    if options.certificates.is_some() {
        write!(listeners, ",SSL://127.0.0.1:{}", ports.tls).expect("a text takes it");
    }
    if options.login.is_some() {
        write!(listeners, ",SASL_PLAINTEXT://127.0.0.1:{}", ports.sasl).expect("a text takes it");
    }
    // Names in certificates are names: a client over TLS is told to come back to the one it knows.
    let advertised = listeners.replace("SSL://127.0.0.1", "SSL://localhost");
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n\
         listeners={listeners},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={advertised}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\nlog.dirs={data}\nauto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=4\ngroup.initial.rebalance.delay.ms=0\n\
         log.retention.check.interval.ms=1000\n",
        controller = ports.controller,
        data = directory.join("data").display(),
    );
    if let Some(certificates) = &options.certificates {
        text += &tls(certificates, options.wants_client_certificate, directory);
    }
    if let Some(login) = &options.login {
        text += &sasl(login);
    }
    for (name, value) in &options.properties {
        writeln!(text, "{name}={value}").expect("a text takes it");
    }
    text
}

fn tls(certificates: &Certificates, wants_client_certificate: bool, directory: &Path) -> String {
    let (certificate, key) = certificates.server();
    let read = |path| std::fs::read_to_string(path).expect("the certificates are there");
    // Java takes key and certificate from one file.
    let keystore = directory.join("keystore.pem");
    std::fs::write(&keystore, read(key) + &read(certificate)).expect("it can be written");
    format!(
        "ssl.keystore.type=PEM\nssl.keystore.location={}\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         ssl.client.auth={}\n",
        keystore.display(),
        certificates.ca().display(),
        if wants_client_certificate {
            "required"
        } else {
            "none"
        }
    )
}

fn sasl(login: &Login) -> String {
    let prefix = "listener.name.sasl_plaintext";
    let scram = "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;";
    format!(
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
         {prefix}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_{}=\"{}\";\n{prefix}.scram-sha-256.{scram}\n{prefix}.scram-sha-512.{scram}\n",
        login.username, login.password
    )
}
