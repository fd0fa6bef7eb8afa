//! A container as it is: without any library, by the requests of the service's reference.

use std::collections::BTreeMap;

use reqwest::{Client, Method, RequestBuilder, Response};
use url::Url;

use super::{Azurite, account_signature};

/// A container and every right to it.
#[derive(Clone)]
pub struct Container {
    url: Url,
    http: Client,
}

/// A blob as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub name: String,
    /// Its metadata, with names as they were written.
    pub metadata: BTreeMap<String, String>,
    /// Kind, length, version.
    pub blob_type: String,
    pub length: String,
    pub etag: String,
}

impl Container {
    /// The container of this name; it need not be there.
    pub fn new(azurite: &Azurite, name: &str) -> Self {
        let mut url = azurite.container_url(name);
        url.set_query(Some(&account_signature("rwdlac")));
        let http = Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client can be made");
        Self { url, http }
    }

    /// Whether it is there.
    pub async fn exists(&self) -> bool {
        let answer = self.request(Method::HEAD, &[], &[("restype", "container")]);
        answer.send().await.expect("Azurite answers").status() == 200
    }

    /// Removes it.
    pub async fn delete(&self) {
        expect(
            self.request(Method::DELETE, &[], &[("restype", "container")]),
            202,
        )
        .await;
    }

    /// Makes it.
    pub async fn create(&self) {
        expect(self.request(Method::PUT, &[], &[("restype", "container")]), 201).await;
    }

    /// Every blob, in the order of names.
    pub async fn list(&self) -> Vec<Blob> {
        let query = [
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata"),
        ];
        let answer = expect(self.request(Method::GET, &[], &query), 200).await;
        let text = answer.text().await.expect("it is text");
        text.split("<Blob>").skip(1).map(blob).collect()
    }

    /// The blob of this name, which is there.
    pub async fn blob(&self, name: &str) -> Blob {
        let blobs = self.list().await;
        let found = blobs.iter().find(|blob| blob.name == name);
        found
            .unwrap_or_else(|| panic!("{name} is not among {blobs:?}"))
            .clone()
    }

    /// Makes an empty blob, or replaces it, whatever stands there.
    pub async fn put(&self, name: &str, metadata: &[(&str, &str)]) {
        let request = self.request(Method::PUT, &[name], &[]);
        let request = request
            .header("x-ms-blob-type", "BlockBlob")
            .header("content-length", 0);
        expect(with_metadata(request, metadata), 201).await;
    }

    /// Makes a blob with this body, or replaces it, whatever stands there.
    pub async fn put_body(&self, name: &str, body: Vec<u8>) {
        let request = self.request(Method::PUT, &[name], &[]);
        let request = request.header("x-ms-blob-type", "BlockBlob").body(body);
        expect(request, 201).await;
    }

    /// Takes a lease on a blob that ends by itself only.
    pub async fn lease(&self, name: &str) {
        let request = self.request(Method::PUT, &[name], &[("comp", "lease")]);
        let request = request
            .header("x-ms-lease-action", "acquire")
            .header("x-ms-lease-duration", "-1")
            .header("content-length", 0);
        expect(request, 201).await;
    }

    /// Replaces the metadata of a blob, whatever version it is at.
    pub async fn set_metadata(&self, name: &str, metadata: &[(&str, &str)]) {
        let request = self.request(Method::PUT, &[name], &[("comp", "metadata")]);
        expect(with_metadata(request.header("content-length", 0), metadata), 200).await;
    }

    /// Removes a blob.
    pub async fn remove(&self, name: &str) {
        expect(self.request(Method::DELETE, &[name], &[]), 202).await;
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.url.clone();
        url.path_segments_mut().expect("it has a path").extend(path);
        url.query_pairs_mut().extend_pairs(query);
        self.http
            .request(method, url)
            .header("x-ms-version", "2025-11-05")
    }
}

fn with_metadata(mut request: RequestBuilder, metadata: &[(&str, &str)]) -> RequestBuilder {
    for (name, value) in metadata {
        request = request.header(format!("x-ms-meta-{name}"), *value);
    }
    request
}

async fn expect(request: RequestBuilder, status: u16) -> Response {
    let answer = request.send().await.expect("Azurite answers");
    let found = answer.status().as_u16();
    if found != status {
        panic!("{found}: {}", answer.text().await.unwrap_or_default());
    }
    answer
}

fn blob(text: &str) -> Blob {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(value, _)| unescape(value))
    };
    let metadata = text
        .split_once("<Metadata>")
        .and_then(|(_, rest)| rest.split_once("</Metadata>"));
    let mut pairs = BTreeMap::new();
    let mut rest = metadata.map_or("", |(metadata, _)| metadata);
    while let Some((name, after)) = rest.split_once('<').and_then(|(_, after)| after.split_once('>')) {
        rest = after;
        if let Some(name) = name.strip_suffix('/') {
            pairs.insert(name.trim().to_owned(), String::new());
        } else if let Some((value, after)) = after.split_once(&format!("</{name}>")) {
            pairs.insert(name.to_owned(), unescape(value));
            rest = after;
        }
    }
    Blob {
        name: element("Name").expect("a blob has a name"),
        metadata: pairs,
        blob_type: element("BlobType").expect("a blob has a type"),
        length: element("Content-Length").expect("a blob has a length"),
        etag: element("Etag").expect("a blob has a version"),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
