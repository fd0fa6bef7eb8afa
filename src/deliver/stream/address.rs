//! Where a receiver listens.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::ServerName;

/// Where a receiver listens, as `host:port` or `[address]:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// TCP or UDP port.
    pub port: u16,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address; write `host:port`, or `[address]:port` for IPv6")]
pub struct InvalidAddress {
    /// The text.
    pub text: String,
}

impl Address {
    /// The host as certificates name it.
    pub fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.host.clone()).expect("every address has a name for TLS")
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress {
            text: text.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        // `parse` would take a sign.
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port != 0);
        let port = port.ok_or_else(invalid)?;
        let bare = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) if inner.contains(':') => inner,
            Some(_) => return Err(invalid()),
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        // A name that TLS can verify is a name that can be resolved.
        ServerName::try_from(bare).map_err(|_| invalid())?;
        let host = bare.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(formatter, "[{host}]:{port}"),
            false => write!(formatter, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        let cases = [
            ("siem:2514", Some(("siem", 2514))),
            ("siem.contoso.com:6514", Some(("siem.contoso.com", 6514))),
            ("10.0.0.7:514", Some(("10.0.0.7", 514))),
            ("[2001:db8::7]:514", Some(("2001:db8::7", 514))),
            ("siem", None),
            ("siem:", None),
            ("siem:0", None),
            ("siem:+514", None),
            ("siem:65536", None),
            (":514", None),
            ("2001:db8::7:514", None),
            ("[siem]:514", None),
            ("[siem:514", None),
            ("tcp://siem:514", None),
            ("si em:514", None),
        ];
        for (text, expected) in cases {
            let found = text.parse::<Address>().ok();
            let parts = found
                .as_ref()
                .map(|address| (address.host.as_str(), address.port));
            assert_eq!(parts, expected, "{text}");
            if let Some(address) = found {
                assert_eq!(address.to_string(), text);
            }
        }
    }
}
