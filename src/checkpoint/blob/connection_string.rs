//! The connection string of a storage account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretSlice;
use url::Url;

use super::settings::{Access, Signature};

/// What Azurite and the emulators before it are reached with; the key is public.
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";
const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Where names of storage accounts end, if nothing is said.
const DEFAULT_SUFFIX: &str = "core.windows.net";

/// A connection string of a storage account, with what the blob service needs of it.
#[derive(Debug)]
pub struct ConnectionString {
    /// Address of the blob service.
    pub endpoint: Url,
    /// What it lets in with.
    pub access: Access,
}

/// The text is no connection string of a storage account. Never shows any of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A part without `=`.
    #[error("part {number} has no `=`")]
    Part {
        /// Which part, from 1.
        number: usize,
    },
    /// It is one of an event hub.
    #[error("it is one of an event hub, not of a storage account")]
    EventHub,
    /// Nothing says where.
    #[error("it has neither `AccountName` nor `BlobEndpoint`")]
    NoEndpoint,
    /// The address of the service cannot be used.
    #[error("its `{key}` is no address of a service")]
    Endpoint {
        /// The key.
        key: &'static str,
    },
    /// Neither a key nor a signature.
    #[error("it has neither `AccountKey` nor `SharedAccessSignature`")]
    NoAccess,
    /// A key without the account it belongs to.
    #[error("it has an `AccountKey` and no `AccountName`")]
    NoAccount,
    /// The key was cut off or is something else.
    #[error("its `AccountKey` is not Base64")]
    Key,
    /// The signature has none.
    #[error("its `SharedAccessSignature` has no `sig=`")]
    Signature,
}

#[derive(Default)]
struct Parts<'t> {
    protocol: Option<&'t str>,
    account: Option<&'t str>,
    key: Option<&'t str>,
    suffix: Option<&'t str>,
    endpoint: Option<&'t str>,
    signature: Option<&'t str>,
    is_development: bool,
}

impl ConnectionString {
    /// Reads the text. Names of keys in any case; unknown ones, such as those of other services, are passed over.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = Parts::of(text)?;
        if parts.is_development {
            let key = STANDARD.decode(DEVELOPMENT_KEY).expect("the key is Base64");
            return Ok(Self {
                endpoint: Url::parse(DEVELOPMENT_ENDPOINT).expect("the address is one"),
                access: Access::SharedKey {
                    account: DEVELOPMENT_ACCOUNT.to_owned(),
                    key: SecretSlice::from(key),
                },
            });
        }
        Ok(Self {
            endpoint: parts.endpoint()?,
            access: parts.access()?,
        })
    }
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Result<Self, Error> {
        let mut parts = Self::default();
        let pieces = text.split(';').map(str::trim).enumerate();
        for (index, piece) in pieces.filter(|(_, piece)| !piece.is_empty()) {
            // Keys end in `=`, and signatures are full of it.
            let (name, value) = piece.split_once('=').ok_or(Error::Part { number: index + 1 })?;
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "defaultendpointsprotocol" => parts.protocol = Some(value),
                "accountname" => parts.account = Some(value),
                "accountkey" => parts.key = Some(value),
                "endpointsuffix" => parts.suffix = Some(value),
                "blobendpoint" => parts.endpoint = Some(value),
                "sharedaccesssignature" => parts.signature = Some(value),
                "usedevelopmentstorage" => parts.is_development = value.eq_ignore_ascii_case("true"),
                "sharedaccesskeyname" | "sharedaccesskey" => return Err(Error::EventHub),
                _ => {}
            }
        }
        Ok(parts)
    }

    fn endpoint(&self) -> Result<Url, Error> {
        let (key, text) = match (self.endpoint, self.account) {
            (Some(endpoint), _) => ("BlobEndpoint", endpoint.to_owned()),
            (None, Some(account)) => {
                let protocol = self.protocol.unwrap_or("https");
                let suffix = self.suffix.unwrap_or(DEFAULT_SUFFIX);
                ("AccountName", format!("{protocol}://{account}.blob.{suffix}"))
            }
            (None, None) => return Err(Error::NoEndpoint),
        };
        let url = Url::parse(&text).map_err(|_| Error::Endpoint { key })?;
        let is_service = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
        is_service.then_some(url).ok_or(Error::Endpoint { key })
    }

    fn access(&self) -> Result<Access, Error> {
        match (self.key, self.signature) {
            // A signature is the lesser right, so it is the one that was meant.
            (_, Some(signature)) => Signature::new(signature)
                .map(Access::Signature)
                .ok_or(Error::Signature),
            (Some(key), None) => Ok(Access::SharedKey {
                account: self.account.ok_or(Error::NoAccount)?.to_owned(),
                key: SecretSlice::from(STANDARD.decode(key).map_err(|_| Error::Key)?),
            }),
            (None, None) => Err(Error::NoAccess),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, endpoint, access) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
                "",
                "",
            ),
            (
                "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=a2V5;EndpointSuffix=core.windows.net",
                "https://contoso.blob.core.windows.net/",
                "key contoso",
            ),
            (
                "accountname = contoso ; accountkey = a2V5 ;",
                "https://contoso.blob.core.windows.net/",
                "key contoso",
            ),
            (
                "AccountName=contoso;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn;TableEndpoint=x",
                "https://contoso.blob.core.chinacloudapi.cn/",
                "key contoso",
            ),
            (
                "BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sv=2025-11-05&sig=a%3D%3D",
                "https://contoso.blob.core.windows.net/",
                "signature",
            ),
            (
                "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountName=devstoreaccount1;AccountKey=a2V5",
                "http://127.0.0.1:10000/devstoreaccount1",
                "key devstoreaccount1",
            ),
            (
                "UseDevelopmentStorage=true",
                "http://127.0.0.1:10000/devstoreaccount1",
                "key devstoreaccount1",
            ),
        ] {
            let parsed = ConnectionString::parse(text);
            if endpoint.is_empty() {
                assert_eq!(parsed.expect_err(text), Error::Key);
                continue;
            }
            let parsed = parsed.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parsed.endpoint.as_str(), endpoint, "{text}");
            let given = match parsed.access {
                Access::SharedKey { account, .. } => format!("key {account}"),
                Access::Signature(_) => "signature".to_owned(),
                Access::Entra(_) => "credential".to_owned(),
            };
            assert_eq!(given, access, "{text}");
        }
    }

    #[test]
    fn says_what_is_missing() {
        for (text, expected) in [
            ("", Error::NoEndpoint),
            ("contoso", Error::Part { number: 1 }),
            ("AccountName=contoso", Error::NoAccess),
            ("AccountKey=a2V5", Error::NoEndpoint),
            ("BlobEndpoint=https://h;AccountKey=a2V5", Error::NoAccount),
            (
                "BlobEndpoint=h;AccountKey=a2V5;AccountName=a",
                Error::Endpoint { key: "BlobEndpoint" },
            ),
            (
                "BlobEndpoint=ftp://h;AccountName=a;AccountKey=a2V5",
                Error::Endpoint { key: "BlobEndpoint" },
            ),
            (
                "AccountName=a b;AccountKey=a2V5",
                Error::Endpoint { key: "AccountName" },
            ),
            ("AccountName=a;AccountKey=not base64", Error::Key),
            ("AccountName=a;SharedAccessSignature=sv=1", Error::Signature),
            (
                "Endpoint=sb://h/;SharedAccessKeyName=k;SharedAccessKey=a2V5",
                Error::EventHub,
            ),
        ] {
            assert_eq!(ConnectionString::parse(text).map(|_| ()), Err(expected), "{text}");
        }
    }
}
