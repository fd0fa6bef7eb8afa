//! Where each cloud has its services, and what tokens for them are asked for with.

use url::Url;

use super::config::{CloudChoice, CustomCloud};

/// The addresses and scopes of one cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Where tokens come from; HTTPS, without a path.
    pub authority: Url,
    /// Scope of tokens for the hub.
    pub event_hubs_scope: String,
    /// Scope of tokens for the Logs Ingestion API.
    pub monitor_scope: String,
    /// Scope of tokens for Blob Storage.
    pub storage_scope: String,
    /// What the names of namespaces end in, without a leading dot.
    pub event_hubs_suffix: String,
    /// What the names of storage accounts end in, without a leading dot.
    pub storage_suffix: String,
}

/// What a token is for; a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The hub.
    EventHubs,
    /// The Logs Ingestion API of Azure Monitor.
    AzureMonitor,
    /// Blob Storage.
    Storage,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Audience; 3] = [Audience::EventHubs, Audience::AzureMonitor, Audience::Storage];

    /// The word in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Audience::EventHubs => "event_hubs",
            Audience::AzureMonitor => "azure_monitor",
            Audience::Storage => "storage",
        }
    }
}

/// An authority that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no address.
    #[error("`cloud.authority` is no address; write it like `https://login.microsoftonline.com`")]
    Unreadable {
        /// What the parser said.
        source: url::ParseError,
    },
    /// Secrets would cross the network in plain text, or the address has parts that have no place there.
    #[error("`cloud.authority` must be `https://` and a host, with nothing after it but a port")]
    Unusable,
}

impl Cloud {
    /// The cloud that the configuration names.
    pub fn new(choice: &CloudChoice) -> Result<Self, Error> {
        match choice {
            CloudChoice::Public => Self::custom(&CustomCloud::default()),
            CloudChoice::UsGov => Self::custom(&CustomCloud {
                authority: "https://login.microsoftonline.us".into(),
                monitor_scope: "https://monitor.azure.us/.default".into(),
                event_hubs_suffix: "servicebus.usgovcloudapi.net".into(),
                storage_suffix: "blob.core.usgovcloudapi.net".into(),
                ..CustomCloud::default()
            }),
            CloudChoice::China => Self::custom(&CustomCloud {
                authority: "https://login.chinacloudapi.cn".into(),
                monitor_scope: "https://monitor.azure.cn/.default".into(),
                event_hubs_suffix: "servicebus.chinacloudapi.cn".into(),
                storage_suffix: "blob.core.chinacloudapi.cn".into(),
                ..CustomCloud::default()
            }),
            CloudChoice::Custom(custom) => Self::custom(custom),
        }
    }

    fn custom(written: &CustomCloud) -> Result<Self, Error> {
        let authority = Url::parse(&written.authority).map_err(|source| Error::Unreadable { source })?;
        let is_bare =
            authority.path() == "/" && authority.query().is_none() && authority.fragment().is_none();
        let is_anonymous = authority.username().is_empty() && authority.password().is_none();
        if authority.scheme() != "https" || !is_bare || !is_anonymous {
            return Err(Error::Unusable);
        }
        Ok(Self {
            authority,
            event_hubs_scope: written.event_hubs_scope.clone(),
            monitor_scope: written.monitor_scope.clone(),
            storage_scope: written.storage_scope.clone(),
            event_hubs_suffix: written.event_hubs_suffix.clone(),
            storage_suffix: written.storage_suffix.clone(),
        })
    }

    /// The scope of tokens for `audience`.
    pub fn scope(&self, audience: Audience) -> &str {
        match audience {
            Audience::EventHubs => &self.event_hubs_scope,
            Audience::AzureMonitor => &self.monitor_scope,
            Audience::Storage => &self.storage_scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_authority_and_suffixes() {
        for (choice, authority, suffix, scope) in [
            (
                CloudChoice::Public,
                "https://login.microsoftonline.com/",
                "servicebus.windows.net",
                "https://monitor.azure.com/.default",
            ),
            (
                CloudChoice::UsGov,
                "https://login.microsoftonline.us/",
                "servicebus.usgovcloudapi.net",
                "https://monitor.azure.us/.default",
            ),
            (
                CloudChoice::China,
                "https://login.chinacloudapi.cn/",
                "servicebus.chinacloudapi.cn",
                "https://monitor.azure.cn/.default",
            ),
        ] {
            let cloud = Cloud::new(&choice).expect("it is known");
            assert_eq!(cloud.authority.as_str(), authority);
            assert_eq!(cloud.event_hubs_suffix, suffix);
            assert_eq!(cloud.scope(Audience::AzureMonitor), scope);
            assert_eq!(
                cloud.scope(Audience::EventHubs),
                "https://eventhubs.azure.net/.default"
            );
        }
    }

    #[test]
    fn an_authority_is_a_bare_https_address() {
        for (authority, is_usable) in [
            ("https://login.example", true),
            ("https://login.example:8443/", true),
            ("http://login.example", false),
            ("https://login.example/tenant", false),
            ("https://user:word@login.example", false),
            ("login.example", false),
        ] {
            let choice = CloudChoice::Custom(Box::new(CustomCloud {
                authority: authority.into(),
                ..CustomCloud::default()
            }));
            assert_eq!(Cloud::new(&choice).is_ok(), is_usable, "{authority}");
        }
    }
}
