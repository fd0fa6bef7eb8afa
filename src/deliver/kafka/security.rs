//! Who we are for the brokers, and whom we trust, as properties of the client library.

use std::path::Path;

use rdkafka::ClientConfig;

use super::config::{Kafka, Mechanism, Sasl};
use super::settings::Error;
use crate::config::tls;
use crate::deliver::http_batch::config::HttpTls;
use crate::deliver::http_batch::token::TokenSource;

/// Identity and trust. Gives the source of the token, where the mechanism has one.
pub(super) fn secure(options: &Kafka, properties: &mut ClientConfig) -> Result<Option<TokenSource>, Error> {
    let protocol = match (&options.sasl, &options.tls) {
        (None, None) => "plaintext",
        (None, Some(_)) => "ssl",
        (Some(_), None) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    properties.set("security.protocol", protocol);
    if let Some(tls) = &options.tls {
        trust(tls, properties)?;
    }
    match &options.sasl {
        Some(sasl) => identify(sasl, options.tls.is_some(), properties),
        None => Ok(None),
    }
}

fn identify(
    sasl: &Sasl,
    is_encrypted: bool,
    properties: &mut ClientConfig,
) -> Result<Option<TokenSource>, Error> {
    properties.set("sasl.mechanism", sasl.mechanism.as_str());
    let is_open = matches!(sasl.mechanism, Mechanism::Plain | Mechanism::Oauthbearer) && !is_encrypted;
    if is_open {
        tracing::warn!(
            mechanism = sasl.mechanism.as_str(),
            "the password or token goes over the network in the clear; add `tls: {{}}`"
        );
    }
    if sasl.mechanism == Mechanism::Oauthbearer {
        let (None, None, Some(token)) = (&sasl.username, &sasl.password, &sasl.token) else {
            return Err(Error::Combination(
                "`sasl` with `oauthbearer` needs `token`, and neither `username` nor `password`",
            ));
        };
        let read = token.read();
        read.map_err(|source| Error::Secret {
            option: "sasl.token",
            source,
        })?;
        return Ok(Some(TokenSource::Renewed(token.clone())));
    }
    let (Some(username), Some(_), None) = (&sasl.username, &sasl.password, &sasl.token) else {
        return Err(Error::Combination(
            "`sasl` needs `username` and `password`; `token` is for `oauthbearer`",
        ));
    };
    properties.set("sasl.username", username);
    Ok(None)
}

/// The files are read here too, so that what is wrong with them is said before the start.
fn trust(tls: &HttpTls, properties: &mut ClientConfig) -> Result<(), Error> {
    let own = tls.client_certificate.as_ref();
    let own = own.map(|files| (files.certificate_file.as_path(), files.key_file.as_path()));
    let shown = own.map(|(certificate, key)| tls::Own { certificate, key });
    match tls.verify {
        true => tls::client_config_showing(shown, tls.ca_file.as_deref())?,
        false => tls::unverified_client_config_showing(shown)?,
    };
    // The library's own default is a folder that most machines lack; this one looks where certificates are.
    let authorities = tls.ca_file.as_deref().unwrap_or(Path::new("probe"));
    let mut set_path = |name: &str, path: &Path| {
        properties.set(name, path.to_string_lossy());
    };
    set_path("ssl.ca.location", authorities);
    if let Some((certificate, key)) = own {
        set_path("ssl.certificate.location", certificate);
        set_path("ssl.key.location", key);
    }
    if !tls.verify {
        properties.set("enable.ssl.certificate.verification", "false");
        properties.set("ssl.endpoint.identification.algorithm", "none");
    }
    Ok(())
}
