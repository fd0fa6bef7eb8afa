//! The sections `credential` and `cloud` as written.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::config::SecretReference;

/// The one identity of Microsoft Entra ID that tokens are asked for with: exactly one kind. The hub uses it with
/// `event_hub.namespace`, the blob store with `checkpoint.blob.container_url`, and each `azure_monitor` target without a
/// `token` of its own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// An application with a secret.
    pub client_secret: Option<ClientSecret>,
    /// An application with a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// The identity of the Azure machine or service that the bridge runs on. `{}` is the one assigned by the system.
    pub managed_identity: Option<ManagedIdentity>,
    /// The identity of a Kubernetes service account. `{}` takes everything from what the cluster puts into the environment.
    pub workload_identity: Option<WorkloadIdentity>,
    /// Whoever is logged in with `az login`; for trials, not for a service.
    pub azure_cli: Option<AzureCli>,
    /// How the certificate of the authority is verified.
    #[serde(default)]
    pub tls: CredentialTls,
}

/// An application with a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// Directory (tenant) id, or a domain of the tenant.
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// Value of the secret, not its id.
    pub secret: SecretReference,
}

/// An application with a certificate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// Directory (tenant) id, or a domain of the tenant.
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// PEM file of the certificate; it may hold the private key too.
    pub certificate_file: PathBuf,
    /// PEM file of the private key, RSA and not encrypted, if it is not in `certificate_file`.
    pub key_file: Option<PathBuf>,
}

/// A managed identity: the one assigned by the system, or the user-assigned one that exactly one option names.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedIdentity {
    /// Client id of a user-assigned identity.
    pub client_id: Option<String>,
    /// Object (principal) id of a user-assigned identity.
    pub object_id: Option<String>,
    /// Azure resource id of a user-assigned identity; not on App Service and Container Apps.
    pub resource_id: Option<String>,
}

/// A workload identity.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIdentity {
    /// Directory (tenant) id; without one: the environment variable `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// Client id of the identity; without one: the environment variable `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// File of the service account's token, read anew for every request; without one: the environment variable
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    pub token_file: Option<PathBuf>,
}

/// The login of the Azure CLI.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureCli {
    /// Directory (tenant) id; without one: that of the login.
    pub tenant_id: Option<String>,
    /// Name or id of the subscription whose login is taken; without one: the current one.
    pub subscription: Option<String>,
}

/// How the certificate of the authority is verified.
#[derive(Debug, Default, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialTls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// The cloud that the hub is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CloudChoice {
    /// The global one.
    #[default]
    Public,
    /// Azure Government.
    UsGov,
    /// Azure in China.
    China,
    /// Its addresses and scopes, one by one.
    Custom(Box<CustomCloud>),
}

/// A cloud by its addresses. What is left out is that of the public cloud.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomCloud {
    /// Where tokens come from.
    pub authority: String,
    /// Scope of tokens for the hub.
    pub event_hubs_scope: String,
    /// Scope of tokens for the Logs Ingestion API.
    pub monitor_scope: String,
    /// Scope of tokens for Blob Storage.
    pub storage_scope: String,
    /// What the names of namespaces end in.
    pub event_hubs_suffix: String,
    /// What the names of storage accounts end in.
    pub storage_suffix: String,
}

impl Default for CustomCloud {
    fn default() -> Self {
        Self {
            authority: "https://login.microsoftonline.com".into(),
            event_hubs_scope: "https://eventhubs.azure.net/.default".into(),
            monitor_scope: "https://monitor.azure.com/.default".into(),
            storage_scope: "https://storage.azure.com/.default".into(),
            event_hubs_suffix: "servicebus.windows.net".into(),
            storage_suffix: "blob.core.windows.net".into(),
        }
    }
}

/// As it is written, for the default in the reference.
impl Serialize for CloudChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CloudChoice::Public => serializer.serialize_str("public"),
            CloudChoice::UsGov => serializer.serialize_str("us_gov"),
            CloudChoice::China => serializer.serialize_str("china"),
            CloudChoice::Custom(custom) => custom.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CloudChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CloudVisitor)
    }
}

struct CloudVisitor;

impl<'de> Visitor<'de> for CloudVisitor {
    type Value = CloudChoice;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`public`, `us_gov`, `china`, or the addresses of another cloud")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CloudChoice, E> {
        match text {
            "public" => Ok(CloudChoice::Public),
            "us_gov" => Ok(CloudChoice::UsGov),
            "china" => Ok(CloudChoice::China),
            _ => Err(E::custom(format!(
                "`{text}` is no cloud; there are `public`, `us_gov` and `china`, or `{{ authority: https://… }}`"
            ))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<CloudChoice, A::Error> {
        let custom = CustomCloud::deserialize(MapAccessDeserializer::new(access))?;
        Ok(CloudChoice::Custom(Box::new(custom)))
    }
}

impl JsonSchema for CloudChoice {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CloudChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let default = CustomCloud::default();
        let text = |default: &str| serde_json::json!({ "type": "string", "default": default });
        json_schema!({ "anyOf": [
            { "enum": ["public", "us_gov", "china"] },
            {
                "type": "object",
                "properties": {
                    "authority": text(&default.authority),
                    "event_hubs_scope": text(&default.event_hubs_scope),
                    "monitor_scope": text(&default.monitor_scope),
                    "storage_scope": text(&default.storage_scope),
                    "event_hubs_suffix": text(&default.event_hubs_suffix),
                    "storage_suffix": text(&default.storage_suffix),
                },
                "additionalProperties": false,
            },
        ] })
    }
}
