//! What is reached without the proxy.

use std::net::IpAddr;

/// One entry of `no_proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exception {
    /// A host name and its subdomains; lower case, without a leading dot.
    Domain(String),
    /// Addresses that begin with the same bits.
    Network { address: IpAddr, bits: u8 },
}

impl Exception {
    /// Reads `contoso.com`, `.contoso.com`, `*.contoso.com`, `10.0.0.4`, `10.0.0.0/8`, `fd00::/8`; `None` for anything
    /// else: an entry that could never match would send out what should stay inside.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let bits = width(address);
            return Some(Self::Network { address, bits });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(address))?;
            return Some(Self::Network { address, bits });
        }
        let name = text.strip_prefix("*.").or(text.strip_prefix('.')).unwrap_or(text);
        let is_label = |label: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.bytes().all(is_plain)
        };
        // What ends in a number is an address that was mistyped.
        let ends_in_number = name.rsplit('.').next()?.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = name.split('.').all(is_label) && !ends_in_number;
        is_name.then(|| Self::Domain(name.to_ascii_lowercase()))
    }

    /// Whether `host` is meant: a name, or an address with or without brackets.
    pub(super) fn covers(&self, host: &str) -> bool {
        match (self, address(host)) {
            (Self::Domain(domain), None) => {
                let name = name(host);
                let rest = name.strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network { address, bits }, Some(host)) => {
                let shift = u32::from(width(*address) - bits);
                let is_same_family = address.is_ipv4() == host.is_ipv4();
                is_same_family && leading(*address, shift) == leading(host, shift)
            }
            _ => false,
        }
    }
}

/// Whether `host` is this machine, or an address that no router passes on: the metadata service is one.
pub(super) fn is_local(host: &str) -> bool {
    match address(host) {
        Some(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Some(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        None => {
            let name = name(host);
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// In lower case, without the dot that ends an absolute name.
fn name(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The bits before the last `shift`.
fn leading(address: IpAddr, shift: u32) -> u128 {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    bits.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_it_names() {
        for (entry, host, expected) in [
            ("contoso.com", "contoso.com", true),
            ("contoso.com", "Splunk.Contoso.com", true),
            ("contoso.com", "contoso.com.", true),
            ("contoso.com", "notcontoso.com", false),
            ("contoso.com", "contoso.com.example", false),
            (".contoso.com", "splunk.contoso.com", true),
            ("*.contoso.com", "a.b.contoso.com", true),
            ("splunk", "splunk", true),
            ("10.0.0.4", "10.0.0.4", true),
            ("10.0.0.4", "10.0.0.5", false),
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "[fd12::1]", true),
            ("[fd12::1]", "fd12::1", true),
            ("::/0", "fd12::1", true),
            ("fd00::/8", "fe00::1", false),
            ("10.0.0.0/8", "ten.example", false),
        ] {
            let exception = Exception::parse(entry).unwrap_or_else(|| panic!("{entry} is an entry"));
            assert_eq!(exception.covers(host), expected, "{entry} {host}");
        }
    }

    #[test]
    fn refuses_what_could_never_match() {
        for entry in [
            "",
            "*",
            "*contoso.com",
            "contoso.*",
            "http://contoso.com",
            "contoso.com:443",
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.300",
            "10.0.*",
            "a b",
            "a,b",
            "..",
        ] {
            assert_eq!(Exception::parse(entry), None, "{entry}");
        }
    }

    #[test]
    fn knows_what_is_here() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("hub.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("::ffff:127.0.0.1", true),
            ("169.254.169.254", true),
            ("fe80::1", true),
            ("10.0.0.1", false),
            ("localhost.contoso.com", false),
            ("contoso.com", false),
        ] {
            assert_eq!(is_local(host), expected, "{host}");
        }
    }
}
