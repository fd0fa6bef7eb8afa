//! The requests of the layout: make the container, list, read, create, replace the metadata.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::headers::{ETAG, HeaderName, Headers, LAST_MODIFIED};
use azure_core::http::{Etag as AzureEtag, NoFormat, RequestContent};
use azure_core::time::{OffsetDateTime, parse_rfc7231};
use azure_storage_blob::models::{
    BlobClientSetMetadataOptions, BlobContainerClientListBlobsOptions, BlobItem,
    BlockBlobClientUploadOptions, ListBlobsIncludeItem,
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::entra::Entra;
use super::error::NO_CONTAINER;
use super::settings::{Access, Settings};
use super::shared_key::SharedKeyPolicy;
use super::{Error, Etag, request};
use crate::event::Timestamp;

/// Version of the service's protocol: the newest that Azurite knows, so that tests and production speak the same.
const API_VERSION: &str = "2025-11-05";

const METADATA_PREFIX: &str = "x-ms-meta-";
pub(super) const DATE: HeaderName = HeaderName::from_static("date");

/// One container.
pub(super) struct Client {
    container: BlobContainerClient,
    /// Its address, without what may be secret.
    address: String,
    entra: Option<Arc<Entra>>,
}

/// A blob and what it says.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) name: String,
    /// Names in lower case: the service does not tell case apart, and consumers write it differently.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) etag: Etag,
    pub(super) last_modified: Timestamp,
}

/// Blobs, and the service's clock when the first of them were listed.
#[derive(Debug)]
pub(super) struct Blobs {
    pub(super) blobs: Vec<Blob>,
    pub(super) server_time: Timestamp,
}

/// End of a conditional write.
#[derive(Debug)]
pub(super) enum Written {
    Done(Etag),
    /// The blob is not in the state that the condition names.
    Conflict,
    /// There is no such blob.
    Missing,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let address = settings.container.to_string();
        let mut options = BlobContainerClientOptions {
            version: API_VERSION.to_owned(),
            client_options: request::options(settings),
        };
        let mut url = settings.container.clone();
        let mut entra = None;
        match &settings.access {
            Access::SharedKey { account, key } => {
                let policy = SharedKeyPolicy::new(account, key);
                options.client_options.per_try_policies.push(policy);
            }
            Access::Signature(signature) => url.set_query(Some(signature.expose())),
            Access::Entra(source) => entra = Some(Entra::new(source.clone())),
        }
        let credential = entra.clone().map(|entra| entra as Arc<dyn TokenCredential>);
        let container = BlobContainerClient::new(url, credential, Some(options))
            .map_err(|error| Error::of("use the container", &address, &error))?;
        Ok(Self {
            container,
            address,
            entra,
        })
    }

    pub(super) fn container(&self) -> &BlobContainerClient {
        &self.container
    }

    /// Address of the container, without secrets.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Makes the container if it is missing.
    pub(super) async fn create_container(&self) -> Result<(), Error> {
        let asked = self.container.get_properties(None);
        match self.finish("find the container", &self.address, asked).await {
            Ok(_) => return Ok(()),
            Err(Error::NoContainer { .. }) => {}
            // Rights on a container's blobs do not include its properties; whether it is there shows at the first list. Who
            // is not known at all is told so at once.
            Err(Error::Refused {
                status: 403, code, ..
            }) if code != "AuthenticationFailed" => return Ok(()),
            Err(error) => return Err(error),
        }
        let created = self.container.create(None);
        match self.finish("make the container", &self.address, created).await {
            Ok(_) => {
                tracing::info!(container = self.address, "container made");
                Ok(())
            }
            Err(Error::Refused {
                status: 409, code, ..
            }) if code == "ContainerAlreadyExists" => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every blob whose name begins with `prefix`.
    pub(super) async fn list(&self, operation: &'static str, prefix: &str) -> Result<Blobs, Error> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            include: Some(vec![ListBlobsIncludeItem::Metadata]),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let unexpected = |detail: &str| Error::Unexpected {
            operation,
            object: prefix.to_owned(),
            detail: detail.to_owned(),
        };
        let list = self.container.list_blobs(Some(options));
        let mut pages = list
            .map_err(|error| Error::of(operation, prefix, &error))?
            .into_pages();
        let (mut blobs, mut server_time) = (Vec::new(), None);
        while let Some(page) = self.finish(operation, prefix, pages.try_next()).await? {
            // The clock of the first page: blobs listed later seem younger by that, never older.
            if server_time.is_none() {
                server_time = time(page.headers(), &DATE);
            }
            let list = page
                .into_model()
                .map_err(|error| Error::of(operation, prefix, &error))?;
            for item in list.blob_items {
                blobs.push(of_item(item).ok_or_else(|| unexpected("a blob has no name, ETag or time"))?);
            }
        }
        Ok(Blobs {
            blobs,
            server_time: server_time.ok_or_else(|| unexpected("it has no date"))?,
        })
    }

    /// One blob; `None` if there is none, in a container that is there.
    pub(super) async fn read(&self, operation: &'static str, name: &str) -> Result<Option<Blob>, Error> {
        let blob = self.container.blob_client(name);
        let answer = match self.finish(operation, name, blob.get_properties(None)).await {
            Ok(answer) => answer,
            Err(Error::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let headers = answer.headers();
        let metadata = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().to_ascii_lowercase();
            let name = name.strip_prefix(METADATA_PREFIX)?;
            Some((name.to_owned(), value.as_str().to_owned()))
        });
        let (Some(etag), Some(last_modified)) = (etag(headers), time(headers, &LAST_MODIFIED)) else {
            return Err(Error::Unexpected {
                operation,
                object: name.to_owned(),
                detail: "the blob has no ETag or time".to_owned(),
            });
        };
        Ok(Some(Blob {
            name: name.to_owned(),
            metadata: metadata.collect(),
            etag,
            last_modified,
        }))
    }

    /// Makes an empty blob, unless there is one.
    pub(super) async fn create(
        &self,
        operation: &'static str,
        name: &str,
        metadata: &HashMap<String, String>,
    ) -> Result<Written, Error> {
        let written = self.try_create(operation, name, metadata).await;
        if !matches!(written, Err(Error::NoContainer { .. })) {
            return written;
        }
        tracing::error!(
            container = self.address,
            "the container was removed while it was in use; it is made again"
        );
        self.create_container().await?;
        self.try_create(operation, name, metadata).await
    }

    async fn try_create(
        &self,
        operation: &'static str,
        name: &str,
        metadata: &HashMap<String, String>,
    ) -> Result<Written, Error> {
        let blob = self.container.blob_client(name);
        let options = BlockBlobClientUploadOptions {
            metadata: Some(metadata.clone()),
            if_none_match: Some(AzureEtag::from("*")),
            ..BlockBlobClientUploadOptions::default()
        };
        let empty = RequestContent::<Bytes, NoFormat>::from(Vec::new());
        let uploaded = self
            .finish(operation, name, blob.upload(empty, Some(options)))
            .await;
        match uploaded {
            Ok(answer) => {
                let etag = answer.etag.map(|etag| Etag::new(etag.as_ref()));
                etag.map(Written::Done)
                    .ok_or_else(|| without_etag(operation, name))
            }
            Err(error) => of_condition(error),
        }
    }

    /// Replaces the metadata of the blob that is still at `etag`.
    pub(super) async fn replace(
        &self,
        operation: &'static str,
        name: &str,
        metadata: &HashMap<String, String>,
        etag: &Etag,
    ) -> Result<Written, Error> {
        let blob = self.container.blob_client(name);
        let options = BlobClientSetMetadataOptions {
            if_match: Some(etag.to_condition()),
            ..BlobClientSetMetadataOptions::default()
        };
        let replaced = self
            .finish(operation, name, blob.set_metadata(metadata, Some(options)))
            .await;
        match replaced {
            Ok(answer) => self::etag(answer.headers())
                .map(Written::Done)
                .ok_or_else(|| without_etag(operation, name)),
            Err(Error::Refused { status: 404, .. }) => Ok(Written::Missing),
            Err(error) => of_condition(error),
        }
    }

    /// Waits for the end of a request. A blob that is not there is told apart from a container that is not.
    pub(super) async fn finish<T>(
        &self,
        operation: &'static str,
        object: &str,
        request: impl Future<Output = azure_core::Result<T>>,
    ) -> Result<T, Error> {
        let ended = request::finish(operation, object, self.entra.as_deref(), request).await;
        ended.map_err(|error| match error {
            Error::Refused { code, .. } if code == NO_CONTAINER => Error::NoContainer {
                operation,
                object: object.to_owned(),
                container: self.address.clone(),
            },
            error => error,
        })
    }
}

/// A refused condition is an answer like another.
fn of_condition(error: Error) -> Result<Written, Error> {
    match &error {
        Error::Refused { status: 412, .. } => Ok(Written::Conflict),
        Error::Refused {
            status: 409, code, ..
        } if code == "BlobAlreadyExists" => Ok(Written::Conflict),
        _ => Err(error),
    }
}

fn without_etag(operation: &'static str, name: &str) -> Error {
    Error::Unexpected {
        operation,
        object: name.to_owned(),
        detail: "it has no ETag".to_owned(),
    }
}

fn of_item(item: BlobItem) -> Option<Blob> {
    let properties = item.properties?;
    let metadata = item
        .metadata
        .and_then(|metadata| metadata.values)
        .unwrap_or_default();
    Some(Blob {
        name: item.name?,
        metadata: metadata
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        etag: Etag::new(properties.etag?.as_ref()),
        last_modified: timestamp(properties.last_modified?),
    })
}

fn etag(headers: &Headers) -> Option<Etag> {
    headers.get_optional_str(&ETAG).map(Etag::new)
}

/// A moment in a header.
pub(super) fn time(headers: &Headers, name: &HeaderName) -> Option<Timestamp> {
    let text = headers.get_optional_str(name)?;
    parse_rfc7231(text).ok().map(timestamp)
}

/// A moment of the Azure crate.
pub(super) fn timestamp(moment: OffsetDateTime) -> Timestamp {
    Timestamp::from_millis(moment.unix_timestamp().saturating_mul(1000))
}
