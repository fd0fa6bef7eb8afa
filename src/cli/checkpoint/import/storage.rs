//! The container of another consumer, as the command line names it.

use anyhow::{Context, anyhow};
use url::Url;

use crate::checkpoint::blob::Settings;
use crate::checkpoint::blob::config::Strategy;
use crate::checkpoint::blob::connection_string::ConnectionString;
use crate::checkpoint::blob::settings::{Access, Signature};
use crate::cli::exit::Failure;
use crate::config::tls;
use crate::credential::TokenSource;

/// By its address, which may hold a signature; without one with `credential`. Never shows what is behind the `?`.
pub(super) fn by_url(text: &str, credential: Option<&TokenSource>) -> Result<Settings, Failure> {
    let usage = |text: &str| Failure::Usage(anyhow!("{text}"));
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.path().len() > 1);
    let mut url = url.ok_or_else(|| {
        usage("`--container-url` is no address of a container; write it like `https://contoso.blob.core.windows.net/checkpoints`")
    })?;
    let access = match url.query() {
        Some(query) => {
            let signature = Signature::new(query);
            Access::Signature(
                signature.ok_or_else(|| usage("the signature of `--container-url` has no `sig=`"))?,
            )
        }
        None if url.scheme() != "https" => {
            return Err(usage(
                "without a signature `--container-url` must be HTTPS, or a token would cross the network in plain text",
            ));
        }
        None => match credential {
            Some(source) => Access::Entra(source.clone()),
            None => {
                return Err(usage(
                    "`--container-url` needs a signature after `?`, or a `credential` in the configuration",
                ));
            }
        },
    };
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    settings(url, access)
}

/// By the connection string in an environment variable.
pub(super) fn by_account(variable: &str, container: Option<&str>) -> Result<Settings, Failure> {
    let container =
        container.ok_or_else(|| Failure::Usage(anyhow!("`--connection-string-env` needs `--container`")))?;
    let text = std::env::var(variable)
        .map_err(|_| Failure::Usage(anyhow!("environment variable `{variable}` is not set")))?;
    let account = ConnectionString::parse(&text)
        .with_context(|| format!("the connection string in `{variable}` is invalid"))
        .map_err(Failure::Usage)?;
    let mut url = account.endpoint;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(container);
    }
    settings(url, account.access)
}

/// What is said of instances has no effect on a container that is only read.
fn settings(container: Url, access: Access) -> Result<Settings, Failure> {
    let tls = tls::client_config(None)
        .context("failed to read the system's certificates")
        .map_err(Failure::Usage)?;
    Ok(Settings {
        container,
        access,
        tls,
        proxy: None,
        strategy: Strategy::default(),
        interval: std::time::Duration::from_secs(10),
        expiry: std::time::Duration::from_secs(60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_without_their_secret() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        // Another test may have been first.
        drop(provider.install_default());
        for (text, expected) in [
            (
                "https://contoso.blob.core.windows.net/old?sv=2025&sig=hush",
                Ok("https://contoso.blob.core.windows.net/old"),
            ),
            (
                "http://127.0.0.1:10000/devstoreaccount1/old/?sig=hush#x",
                Ok("http://127.0.0.1:10000/devstoreaccount1/old"),
            ),
            (
                "https://contoso.blob.core.windows.net/old?sv=hush",
                Err("no `sig=`"),
            ),
            (
                "https://contoso.blob.core.windows.net/old",
                Err("needs a signature"),
            ),
            ("http://contoso.blob.core.windows.net/old", Err("must be HTTPS")),
            (
                "https://contoso.blob.core.windows.net/?sig=hush",
                Err("no address"),
            ),
            ("contoso?sig=hush", Err("no address")),
        ] {
            match (by_url(text, None), expected) {
                (Ok(settings), Ok(expected)) => {
                    assert_eq!(settings.container.as_str(), expected);
                    assert!(!format!("{settings:?}").contains("hush"));
                }
                (Err(Failure::Usage(error)), Err(expected)) => {
                    let error = error.to_string();
                    assert!(error.contains(expected) && !error.contains("hush"), "{error}");
                }
                (result, expected) => panic!("{text}: {result:?}, expected {expected:?}"),
            }
        }
    }
}
