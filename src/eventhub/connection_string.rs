//! The connection string of a namespace or hub, as the portal shows it.

use secrecy::SecretString;
use url::Url;

use super::credential::Credential;

/// What a connection string says.
#[derive(Debug, Clone)]
pub struct ConnectionString {
    /// Host of the namespace, lower case, without port.
    pub host: String,
    /// Port, if the string names one.
    pub port: Option<u16>,
    /// Plain AMQP without TLS: `UseDevelopmentEmulator=true`.
    pub is_emulator: bool,
    /// Hub the string is made for.
    pub entity_path: Option<String>,
    /// How to prove who we are.
    pub credential: Credential,
}

/// A connection string that cannot be used. Never carries a value of the string, which could be its secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A part has no `=`.
    #[error(
        "part {number} of the connection string is not written `key=value`; copy the whole string from the portal"
    )]
    NoValue {
        /// Which part, from 1.
        number: usize,
    },
    /// A key stands there twice.
    #[error("the connection string names `{key}` twice; keep one of them")]
    Duplicate {
        /// Its name.
        key: &'static str,
    },
    /// A key stands there with nothing after it.
    #[error("`{key}` in the connection string is empty; copy the whole string from the portal")]
    Empty {
        /// Its name.
        key: &'static str,
    },
    /// There is no namespace.
    #[error("the connection string has no `Endpoint`; it starts with `Endpoint=sb://<namespace>`")]
    NoEndpoint,
    /// The namespace cannot be read.
    #[error(
        "`{key}` in the connection string is no address; write `sb://<namespace>.servicebus.windows.net/`"
    )]
    InvalidEndpoint {
        /// Its name.
        key: &'static str,
    },
    /// Two namespaces.
    #[error("the connection string has both `Endpoint` and `HostName`; keep `Endpoint`")]
    TwoHosts,
    /// The string is one of an IoT Hub.
    #[error(
        "the connection string is one of an IoT Hub; use its built-in Event Hub-compatible endpoint (`Endpoint=sb://…`)"
    )]
    IotHub,
    /// A policy without key, or a key without policy.
    #[error(
        "the connection string has `{present}` without `{missing}`; add `{missing}` or use `SharedAccessSignature`"
    )]
    HalfKey {
        /// What stands there.
        present: &'static str,
        /// What does not.
        missing: &'static str,
    },
    /// No secret at all.
    #[error(
        "the connection string has no credential; add `SharedAccessKeyName` and `SharedAccessKey`, or `SharedAccessSignature`"
    )]
    NoCredential,
    /// Two secrets.
    #[error("the connection string has both `SharedAccessKey` and `SharedAccessSignature`; keep one of them")]
    TwoCredentials,
    /// The signature is none.
    #[error(
        "`SharedAccessSignature` in the connection string is no token; it reads `SharedAccessSignature sr=…&sig=…&se=…`"
    )]
    InvalidSignature,
    /// The switch is neither on nor off.
    #[error("`UseDevelopmentEmulator` in the connection string is neither `true` nor `false`")]
    InvalidSwitch,
    /// The string is for another hub.
    #[error(
        "the connection string is for hub `{entity_path}` but `event_hub.name` says `{configured}`; make them the same or drop `EntityPath`"
    )]
    OtherHub {
        /// `EntityPath`.
        entity_path: String,
        /// The option.
        configured: String,
    },
    /// No hub anywhere.
    #[error("no hub is named; set `event_hub.name` or add `EntityPath` to the connection string")]
    NoHub,
}

const ENDPOINT: &str = "Endpoint";
const HOST_NAME: &str = "HostName";
const ENTITY_PATH: &str = "EntityPath";
const KEY_NAME: &str = "SharedAccessKeyName";
const KEY: &str = "SharedAccessKey";
const SIGNATURE: &str = "SharedAccessSignature";
const EMULATOR: &str = "UseDevelopmentEmulator";

/// Every key that means something; others (`TransportType` of old clients) are ignored.
const KEYS: [&str; 7] = [
    ENDPOINT,
    HOST_NAME,
    ENTITY_PATH,
    KEY_NAME,
    KEY,
    SIGNATURE,
    EMULATOR,
];

impl ConnectionString {
    /// Reads a connection string.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = Parts::split(text)?;
        let (host, port) = parts.host()?;
        Ok(Self {
            host,
            port,
            is_emulator: parts.is_emulator()?,
            entity_path: parts.get(ENTITY_PATH).map(str::to_owned),
            credential: parts.credential()?,
        })
    }

    /// The hub to read: the configured one, else `EntityPath`. The service compares names without regard to case.
    pub fn hub(&self, configured: Option<&str>) -> Result<String, Error> {
        match (configured, self.entity_path.as_deref()) {
            (Some(configured), Some(entity_path)) if !configured.eq_ignore_ascii_case(entity_path) => {
                Err(Error::OtherHub {
                    entity_path: entity_path.to_owned(),
                    configured: configured.to_owned(),
                })
            }
            (Some(configured), _) => Ok(configured.to_owned()),
            (None, Some(entity_path)) => Ok(entity_path.to_owned()),
            (None, None) => Err(Error::NoHub),
        }
    }

    /// Whether secrets would cross a network in plain text: an emulator that is neither on this machine, nor at a
    /// private address, nor a bare name as container networks give.
    pub fn is_exposed(&self) -> bool {
        if !self.is_emulator {
            return false;
        }
        match self.host.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(address)) => !(address.is_loopback() || address.is_private()),
            Ok(std::net::IpAddr::V6(address)) => !(address.is_loopback() || address.is_unique_local()),
            Err(_) => self.host.contains('.') && !self.host.ends_with(".local"),
        }
    }
}

struct Parts<'t>([Option<&'t str>; KEYS.len()]);

impl<'t> Parts<'t> {
    fn split(text: &'t str) -> Result<Self, Error> {
        let mut values = [None; KEYS.len()];
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        for (number, part) in parts.enumerate() {
            let (key, value) = part
                .split_once('=')
                .ok_or(Error::NoValue { number: number + 1 })?;
            let known = KEYS
                .iter()
                .position(|known| known.eq_ignore_ascii_case(key.trim()));
            let Some(index) = known else { continue };
            let key = KEYS[index];
            if value.trim().is_empty() {
                return Err(Error::Empty { key });
            }
            if values[index].replace(value.trim()).is_some() {
                return Err(Error::Duplicate { key });
            }
        }
        Ok(Self(values))
    }

    fn get(&self, key: &str) -> Option<&'t str> {
        KEYS.iter()
            .position(|known| *known == key)
            .and_then(|index| self.0[index])
    }

    fn host(&self) -> Result<(String, Option<u16>), Error> {
        let (key, address) = match (self.get(ENDPOINT), self.get(HOST_NAME)) {
            (Some(_), Some(_)) => return Err(Error::TwoHosts),
            (Some(endpoint), None) => (ENDPOINT, endpoint.to_owned()),
            (None, Some(host)) => (HOST_NAME, format!("sb://{host}")),
            (None, None) => return Err(Error::NoEndpoint),
        };
        let invalid = || Error::InvalidEndpoint { key };
        let url = Url::parse(&address).map_err(|_| invalid())?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(invalid)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        if host.ends_with(".azure-devices.net") {
            return Err(Error::IotHub);
        }
        Ok((host, url.port()))
    }

    fn is_emulator(&self) -> Result<bool, Error> {
        match self.get(EMULATOR) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Error::InvalidSwitch),
        }
    }

    fn credential(&self) -> Result<Credential, Error> {
        match (self.get(KEY_NAME), self.get(KEY), self.get(SIGNATURE)) {
            (_, Some(_), Some(_)) => Err(Error::TwoCredentials),
            (Some(name), Some(key), None) => Ok(Credential::SharedAccessKey {
                name: name.to_owned(),
                key: SecretString::from(key),
            }),
            (_, None, Some(signature)) => {
                Credential::from_signature(signature).ok_or(Error::InvalidSignature)
            }
            (Some(_), None, None) => Err(Error::HalfKey {
                present: KEY_NAME,
                missing: KEY,
            }),
            (None, Some(_), None) => Err(Error::HalfKey {
                present: KEY,
                missing: KEY_NAME,
            }),
            (None, None, None) => Err(Error::NoCredential),
        }
    }
}

#[cfg(test)]
mod tests;
