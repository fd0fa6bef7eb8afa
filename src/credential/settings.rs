//! The credential as it is trusted: exactly one kind, its secret read, its files usable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::certificate::{self, Certificate};
use super::cloud::Cloud;
use super::config::{self, Credential};
use super::host::Host;
use super::kind::{KINDS, Kind, UserAssigned};
use crate::config::{secret, tls};
use crate::proxy;

/// Checked options of the credential.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who we are.
    pub kind: Kind,
    /// Whom to ask.
    pub cloud: Cloud,
    /// How the authority's certificate is verified.
    pub tls: Arc<rustls::ClientConfig>,
    /// The proxy on the way to the authority, if there is one.
    pub proxy: Option<Arc<proxy::Settings>>,
    /// The CA file behind `tls` as it was read, to see whether another reading differs.
    pub ca_file: Option<Arc<[u8]>>,
    /// Where the metadata service is, if not at its fixed address; no option of the file.
    pub metadata_address: Option<Url>,
}

/// The credential cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None or several kinds.
    #[error("`credential` has {count} kinds; give exactly one of {}", KINDS.map(|kind| format!("`{kind}`")).join(", "))]
    Kinds {
        /// How many were given.
        count: usize,
    },
    /// Several names of one identity.
    #[error(
        "`credential.managed_identity` names the identity {count} times; give one of `client_id`, `object_id`, `resource_id`, or none for the one assigned by the system"
    )]
    Identities {
        /// How many were given.
        count: usize,
    },
    /// Something that is an id is none.
    #[error("`credential.{option}` is empty or has characters that no id has")]
    InvalidId {
        /// Path of the option below `credential`.
        option: &'static str,
    },
    /// Neither the option nor the environment says it.
    #[error(
        "`credential.workload_identity.{option}` is not given, and the environment variable `{variable}` is not set; the cluster's webhook sets it in pods with the label `azure.workload.identity/use: \"true\"`"
    )]
    NotInEnvironment {
        /// Name of the option.
        option: &'static str,
        /// Name of the variable.
        variable: &'static str,
    },
    /// A secret cannot be read.
    #[error("failed to read `credential.client_secret.secret`")]
    Secret {
        /// Why.
        source: secret::Error,
    },
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
    /// A managed identity where it cannot be had.
    #[error("managed identity on {host} is not supported; use `client_certificate`, or `client_secret`")]
    UnsupportedHost {
        /// Name of the service.
        host: &'static str,
    },
    /// A managed identity by a name that cannot be used there.
    #[error(
        "`credential.managed_identity.resource_id` cannot be used on App Service and Container Apps; name the identity by its `client_id`"
    )]
    ResourceIdOnAppService,
    /// The authority's CA cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

impl Settings {
    /// Checks the options and reads the secrets.
    pub fn new(written: &Credential, cloud: Cloud) -> Result<Self, Error> {
        let ca_file = written.tls.ca_file.as_deref();
        Ok(Self {
            kind: Kind::new(written, Host::here())?,
            cloud,
            tls: tls::client_config(ca_file)?,
            proxy: None,
            // One that cannot be read now could be read a moment before; the next reading will differ.
            ca_file: ca_file.map(|path| std::fs::read(path).unwrap_or_default().into()),
            metadata_address: None,
        })
    }

    /// Whether both give the same tokens in the same way.
    pub fn is_same(&self, other: &Settings) -> bool {
        self.cloud == other.cloud
            && self.ca_file == other.ca_file
            && self.metadata_address == other.metadata_address
            && proxy::settings::is_same(self.proxy.as_ref(), other.proxy.as_ref())
            && self.kind.is_same(&other.kind)
    }
}

impl Kind {
    fn new(written: &Credential, host: Host) -> Result<Self, Error> {
        let Credential {
            client_secret,
            client_certificate,
            managed_identity,
            workload_identity,
            azure_cli,
            tls: _,
        } = written;
        let given = [
            client_secret.is_some(),
            client_certificate.is_some(),
            managed_identity.is_some(),
            workload_identity.is_some(),
            azure_cli.is_some(),
        ];
        let count = given.into_iter().filter(|is_given| *is_given).count();
        if count != 1 {
            return Err(Error::Kinds { count });
        }
        let kinds = [
            client_secret.as_ref().map(self::client_secret),
            client_certificate.as_ref().map(self::client_certificate),
            managed_identity
                .as_ref()
                .map(|written| self::managed_identity(written, host)),
            workload_identity.as_ref().map(self::workload_identity),
            azure_cli.as_ref().map(self::azure_cli),
        ];
        let kind = kinds.into_iter().flatten().next();
        kind.unwrap_or(Err(Error::Kinds { count }))
    }
}

fn client_secret(written: &config::ClientSecret) -> Result<Kind, Error> {
    Ok(Kind::ClientSecret {
        tenant_id: id("client_secret.tenant_id", &written.tenant_id)?,
        client_id: id("client_secret.client_id", &written.client_id)?,
        secret: written.secret.read().map_err(|source| Error::Secret { source })?,
    })
}

fn client_certificate(written: &config::ClientCertificate) -> Result<Kind, Error> {
    let key_file = written.key_file.as_deref();
    Ok(Kind::ClientCertificate {
        tenant_id: id("client_certificate.tenant_id", &written.tenant_id)?,
        client_id: id("client_certificate.client_id", &written.client_id)?,
        certificate: Arc::new(Certificate::read(&written.certificate_file, key_file)?),
    })
}

fn managed_identity(written: &config::ManagedIdentity, host: Host) -> Result<Kind, Error> {
    let config::ManagedIdentity {
        client_id,
        object_id,
        resource_id,
    } = written;
    let count = [client_id, object_id, resource_id]
        .into_iter()
        .filter(|name| name.is_some())
        .count();
    if count > 1 {
        return Err(Error::Identities { count });
    }
    match host {
        Host::Arc => return Err(Error::UnsupportedHost { host: "Azure Arc" }),
        Host::Other(host) => return Err(Error::UnsupportedHost { host }),
        Host::AppService if resource_id.is_some() => return Err(Error::ResourceIdOnAppService),
        Host::AppService | Host::VirtualMachine => {}
    }
    Ok(Kind::ManagedIdentity(match (client_id, object_id, resource_id) {
        (Some(text), _, _) => Some(UserAssigned::ClientId(id("managed_identity.client_id", text)?)),
        (_, Some(text), _) => Some(UserAssigned::ObjectId(id("managed_identity.object_id", text)?)),
        (_, _, Some(text)) if text.starts_with("/subscriptions/") => {
            Some(UserAssigned::ResourceId(text.clone()))
        }
        (_, _, Some(_)) => {
            let option = "managed_identity.resource_id";
            return Err(Error::InvalidId { option });
        }
        (None, None, None) => None,
    }))
}

fn workload_identity(written: &config::WorkloadIdentity) -> Result<Kind, Error> {
    let text = |option, variable, given: Option<&Path>| match given.map(Path::to_path_buf) {
        Some(given) => Ok(given),
        None => std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .ok_or(Error::NotInEnvironment { option, variable }),
    };
    let name = |option, variable, path, given: Option<&String>| {
        let text = text(option, variable, given.map(Path::new))?;
        id(path, text.to_str().unwrap_or_default())
    };
    Ok(Kind::WorkloadIdentity {
        tenant_id: name(
            "tenant_id",
            "AZURE_TENANT_ID",
            "workload_identity.tenant_id",
            written.tenant_id.as_ref(),
        )?,
        client_id: name(
            "client_id",
            "AZURE_CLIENT_ID",
            "workload_identity.client_id",
            written.client_id.as_ref(),
        )?,
        token_file: text(
            "token_file",
            "AZURE_FEDERATED_TOKEN_FILE",
            written.token_file.as_deref(),
        )?,
    })
}

fn azure_cli(written: &config::AzureCli) -> Result<Kind, Error> {
    let checked = |option, text: &Option<String>| text.as_deref().map(|text| id(option, text)).transpose();
    // It becomes a part of a command line.
    let is_plain = |character: char| character.is_alphanumeric() || "._- ".contains(character);
    let subscription = written.subscription.clone();
    if subscription
        .as_ref()
        .is_some_and(|name| name.is_empty() || !name.chars().all(is_plain))
    {
        let option = "azure_cli.subscription";
        return Err(Error::InvalidId { option });
    }
    Ok(Kind::AzureCli {
        tenant_id: checked("azure_cli.tenant_id", &written.tenant_id)?,
        subscription,
    })
}

/// A GUID, or the domain of a tenant. Anything longer is a secret in the wrong place, so it is never repeated.
fn id(option: &'static str, text: &str) -> Result<String, Error> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '.';
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(Error::InvalidId { option }),
    }
}

#[cfg(test)]
mod tests;
