//! The `proxy` section as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::SecretReference;
use crate::deliver::value::Texts;

/// The HTTP proxy for the hub, for tokens of Microsoft Entra ID, and for every target that speaks HTTP.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where it listens, such as `http://proxy.contoso.com:3128`; without a port: 80. What passes through it is
    /// encrypted all the same, from end to end.
    pub url: String,
    /// User name for it, with `password`, where it wants one (Basic).
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretReference>,
    /// What is reached without it: host names, which stand for their subdomains too, IP addresses, and networks such as
    /// `10.0.0.0/8`. This machine (`localhost`, `127.0.0.0/8`, `::1`) and link-local addresses always are.
    pub no_proxy: Option<Texts>,
}
