//! A container of another program, which is only read.

use std::collections::HashMap;
use std::num::NonZero;

use azure_core::http::headers::HeaderName;
use azure_storage_blob::models::{
    BlobClientDownloadOptions, BlobContainerClientListBlobsOptions, ListBlobsIncludeItem,
};
use futures_util::TryStreamExt;

use super::client::{Client, DATE, time, timestamp};
use super::{Error, Settings};
use crate::event::Timestamp;

const LIST: &str = "list the blobs in";
const READ: &str = "read the blob";

/// One request brings a whole position; what is larger is refused before.
const PART_BYTES: NonZero<usize> = NonZero::new(1 << 20).expect("it is not zero");

/// Blobs of a container; whoever has more does not keep positions there.
const MAX_BLOBS: usize = 200_000;

const LEASE_STATE: HeaderName = HeaderName::from_static("x-ms-lease-state");

/// A container with positions of another program.
pub struct Container(Client);

/// A blob as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its metadata.
    pub metadata: HashMap<String, String>,
    /// Bytes of its body.
    pub length: u64,
    /// When it was written last, by the service's clock, in whole seconds.
    pub last_modified: Option<Timestamp>,
}

/// The blobs of a container, and the service's clock when they were listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// In the order of the service, which is that of names.
    pub blobs: Vec<Listed>,
    /// In whole seconds.
    pub server_time: Option<Timestamp>,
}

/// The body of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether somebody holds a lease on it, as consumers of old do on what they read.
    pub is_leased: bool,
}

impl Container {
    /// The container that `settings` name; nothing is asked yet. What they say of ownerships has no effect.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Client::new(settings).map(Self)
    }

    /// Its address, without what may be secret.
    pub fn address(&self) -> &str {
        self.0.address()
    }

    /// Every blob. Errors: also where there are more than any consumer leaves behind.
    pub async fn list(&self) -> Result<Contents, Error> {
        let options = BlobContainerClientListBlobsOptions {
            include: Some(vec![ListBlobsIncludeItem::Metadata]),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let failed = |error| Error::of(LIST, self.address(), &error);
        let list = self.0.container().list_blobs(Some(options));
        let mut pages = list.map_err(failed)?.into_pages();
        let mut contents = Contents::default();
        while let Some(page) = self.0.finish(LIST, self.address(), pages.try_next()).await? {
            contents.server_time = contents.server_time.or_else(|| time(page.headers(), &DATE));
            for item in page.into_model().map_err(failed)?.blob_items {
                let properties = item.properties.unwrap_or_default();
                contents.blobs.push(Listed {
                    name: item.name.unwrap_or_default(),
                    metadata: item
                        .metadata
                        .and_then(|metadata| metadata.values)
                        .unwrap_or_default(),
                    length: properties.content_length.unwrap_or_default(),
                    last_modified: properties.last_modified.map(timestamp),
                });
            }
            if contents.blobs.len() > MAX_BLOBS {
                return Err(Error::Unexpected {
                    operation: LIST,
                    object: self.address().to_owned(),
                    detail: format!(
                        "it has more than {MAX_BLOBS} blobs; a consumer keeps a few for each partition"
                    ),
                });
            }
        }
        Ok(contents)
    }

    /// The body of a blob.
    pub async fn read(&self, name: &str) -> Result<Body, Error> {
        let options = BlobClientDownloadOptions {
            parallel: NonZero::new(1),
            partition_size: Some(PART_BYTES),
            ..BlobClientDownloadOptions::default()
        };
        let blob = self.0.container().blob_client(name);
        let downloaded = async {
            let downloaded = blob.download(Some(options)).await?;
            let is_leased = downloaded.headers.get_optional_str(&LEASE_STATE) == Some("leased");
            let content = downloaded.body.collect().await?;
            Ok(Body {
                content: content.to_vec(),
                is_leased,
            })
        };
        self.0.finish(READ, name, downloaded).await
    }
}
