//! What the bridge sends to: a receiver, and how the configuration names it.

use std::net::SocketAddr;

use super::broker::{Broker, TOPIC};
use super::cases::To;
use super::peers::{Receiver, TOKEN_VARIABLE};
use super::sinks;

/// The receiver of a case, running.
pub enum Target {
    /// A collector of Splunk that acknowledges; with its address while it is away.
    SplunkHec(Option<Receiver>, SocketAddr),
    /// A broker of Apache Kafka.
    Kafka(Box<Broker>),
    /// A receiver of syslog by TCP.
    Syslog(SocketAddr),
    /// A receiver of RELP by TCP.
    Relp(SocketAddr),
}

impl Target {
    /// Starts it.
    pub fn start(to: To) -> Self {
        match to {
            To::SplunkHec => {
                let receiver = Receiver::start(0);
                let address = receiver.address;
                Self::SplunkHec(Some(receiver), address)
            }
            To::Kafka => Self::Kafka(Box::new(Broker::start())),
            To::Syslog => Self::Syslog(sinks::syslog()),
            To::Relp => Self::Relp(sinks::relp()),
        }
    }

    /// Kills it, lets `pass` pass, and starts it again at the same address.
    pub fn outage(&mut self, pass: impl FnOnce()) {
        let Self::SplunkHec(receiver, address) = self else {
            panic!("outages are measured with the collector alone");
        };
        *receiver = None;
        pass();
        *receiver = Some(Receiver::start(address.port()));
    }

    /// Its entry in the configuration.
    pub fn entry(&self) -> String {
        let (kind, mapping) = match self {
            Self::SplunkHec(_, address) => (
                format!(
                    "splunk_hec: {{ endpoints: [\"http://{address}\"], token: {{ env: {TOKEN_VARIABLE} }}, acknowledgement: required, compression: gzip }}"
                ),
                "ecs",
            ),
            Self::Kafka(broker) => (
                format!(
                    "kafka: {{ brokers: [\"{}\"], topic: {TOPIC}, compression: lz4 }}",
                    broker.address()
                ),
                "ecs",
            ),
            Self::Syslog(address) => (
                format!("syslog: {{ address: \"{address}\", transport: tcp }}"),
                "cef",
            ),
            Self::Relp(address) => (format!("relp: {{ address: \"{address}\" }}"), "ecs"),
        };
        format!("  soc:\n    {kind}\n    mapping: {mapping}\n")
    }
}
