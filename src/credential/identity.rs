//! The credential of the Azure crate for one request: made anew each time, because its cache cannot be passed over.

use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport as AzureTransport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use secrecy::{ExposeSecret, SecretString};

use super::assertion::Assertion;
use super::azure_cli::Process;
use super::clock_skew::ClockSkew;
use super::cloud::Cloud;
use super::kind::{Kind, UserAssigned};
use super::settings::Settings;
use super::transport::Transport;
use crate::deliver::http_request;
use crate::event::Timestamp;

/// Tokens are asked for once an hour.
const IDLE_CONNECTIONS: usize = 1;

/// Asks for tokens with one identity.
#[derive(Debug)]
pub(super) struct Identity {
    settings: Settings,
    transport: Arc<Transport>,
    skew: Arc<ClockSkew>,
}

impl Identity {
    pub(super) fn new(settings: Settings) -> Self {
        let skew = Arc::new(ClockSkew::default());
        let metadata = settings.metadata_address.clone();
        // What gives a machine its identity is beside the machine.
        let is_local = matches!(settings.kind, Kind::ManagedIdentity(_));
        let proxy = settings.proxy.as_ref().filter(|_| !is_local);
        let http = http_request::client(&settings.tls, IDLE_CONNECTIONS, proxy);
        let transport = Transport::new(http, metadata, Arc::clone(&skew));
        Self {
            settings,
            transport: Arc::new(transport),
            skew,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The clock of whoever gives tokens minus ours.
    pub(super) fn clock_skew_millis(&self) -> i64 {
        self.skew.millis()
    }

    /// A new token for `scope`, and its end by the clock of this machine.
    pub(super) async fn token(&self, scope: &str) -> azure_core::Result<(SecretString, Timestamp)> {
        let before = self.skew.millis();
        let is_signed = matches!(self.settings.kind, Kind::ClientCertificate { .. });
        match self.ask(scope).await {
            // What was shown was signed by a clock that the answer proved wrong.
            Err(_) if is_signed && self.skew.has_moved(before) => self.ask(scope).await,
            outcome => outcome,
        }
    }

    async fn ask(&self, scope: &str) -> azure_core::Result<(SecretString, Timestamp)> {
        let token = self.credential()?.get_token(&[scope], None).await?;
        let millis = token.expires_on.unix_timestamp().saturating_mul(1000);
        let expires_at = Timestamp::from_millis(millis);
        let expires_at = match self.settings.kind {
            // The metadata service names a moment of its own clock; all others are told a time from now on.
            Kind::ManagedIdentity(_) => self.skew.to_ours(expires_at),
            _ => expires_at,
        };
        Ok((SecretString::from(token.token.secret()), expires_at))
    }

    fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_options = self.client_options();
        match &self.settings.kind {
            Kind::ClientSecret {
                tenant_id,
                client_id,
                secret,
            } => {
                let options = ClientSecretCredentialOptions { client_options };
                let secret = Secret::new(secret.expose_secret().to_owned());
                Ok(ClientSecretCredential::new(
                    tenant_id,
                    client_id.clone(),
                    secret,
                    Some(options),
                )?)
            }
            Kind::ClientCertificate {
                tenant_id,
                client_id,
                certificate,
            } => {
                let assertion = Assertion::Signed {
                    certificate: Arc::clone(certificate),
                    client_id: client_id.clone(),
                    audience: token_address(&self.settings.cloud, tenant_id),
                    skew: Arc::clone(&self.skew),
                };
                asserting(tenant_id, client_id, assertion, client_options)
            }
            Kind::WorkloadIdentity {
                tenant_id,
                client_id,
                token_file,
            } => {
                let assertion = Assertion::File(token_file.clone());
                asserting(tenant_id, client_id, assertion, client_options)
            }
            Kind::ManagedIdentity(id) => {
                let user_assigned_id = id.as_ref().map(|id| match id {
                    UserAssigned::ClientId(id) => UserAssignedId::ClientId(id.clone()),
                    UserAssigned::ObjectId(id) => UserAssignedId::ObjectId(id.clone()),
                    UserAssigned::ResourceId(id) => UserAssignedId::ResourceId(id.clone()),
                });
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id,
                    client_options,
                };
                Ok(ManagedIdentityCredential::new(Some(options))?)
            }
            Kind::AzureCli {
                tenant_id,
                subscription,
            } => {
                let options = AzureCliCredentialOptions {
                    tenant_id: tenant_id.clone(),
                    subscription: subscription.clone(),
                    executor: Some(Arc::new(Process)),
                };
                Ok(AzureCliCredential::new(Some(options))?)
            }
        }
    }

    /// The authority is always named: the crate would take another one from the environment.
    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.settings.cloud.authority.to_string();
        ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            transport: Some(AzureTransport::new(Arc::clone(&self.transport) as _)),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        }
    }
}

fn asserting(
    tenant_id: &str,
    client_id: &str,
    assertion: Assertion,
    client_options: ClientOptions,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = ClientAssertionCredentialOptions { client_options };
    let (tenant_id, client_id) = (tenant_id.to_owned(), client_id.to_owned());
    Ok(ClientAssertionCredential::new(
        tenant_id,
        client_id,
        assertion,
        Some(options),
    )?)
}

/// Where the authority gives tokens of a tenant; an assertion is made for this address.
fn token_address(cloud: &Cloud, tenant_id: &str) -> String {
    format!("{}{tenant_id}/oauth2/v2.0/token", cloud.authority)
}
