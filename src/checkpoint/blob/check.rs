//! A harmless try of the container, for `check --connect`: requests that tell a right and cannot change anything.
//!
//! Reading, making and writing are asked of a blob that is not there, under a name that no consumer looks at, and with a
//! condition that cannot hold. The service looks at the right first: without it the answer is 403, with it 404 or 412.

use std::collections::HashMap;
use std::time::Duration;

use azure_core::http::{Etag as AzureEtag, NoFormat, RequestContent};
use azure_storage_blob::models::{BlobClientSetMetadataOptions, BlockBlobClientUploadOptions};
use bytes::Bytes;

use super::Error;
use super::client::Client;
use super::names::Names;
use super::settings::{Access, Settings};
use crate::checkpoint::file::Scope;
use crate::credential::{Audience, owner};
use crate::durable::retry::chain;
use crate::event::Timestamp;
use crate::finding::{Finding, Problem, Stopped, Verdict, Walk};
use crate::proxy::tunnel;

/// A version that no blob ever has.
const NO_VERSION: &str = "\"hub2siem-check\"";
const TRY: &str = "try";
const LIST: &str = "list the checkpoints in";

/// With a credential of Microsoft Entra ID only.
const TOKEN_STAGE: &str = "get a token";
const STAGES: [&str; 7] = [
    "reach and authenticate",
    "compare clocks",
    "container",
    "right to list",
    "right to read",
    "right to create",
    "right to write",
];

/// What an answer says of a right.
enum Right {
    Given,
    /// And the container is not there.
    GivenWithoutContainer,
    Denied(Error),
    Unknown(Error),
}

/// Tries what the checkpoints and ownerships of the group `scope` need, for `limit` at most.
pub async fn check(settings: &Settings, scope: Scope<'_>, limit: Duration) -> Vec<Finding> {
    let names = Names::new(scope);
    let is_entra = matches!(settings.access, Access::Entra(_));
    let plan = is_entra.then_some(TOKEN_STAGE).into_iter().chain(STAGES);
    Walk::take(plan.map(str::to_owned), limit, async |walk| {
        token(settings, walk).await?;
        let client = match Client::new(settings) {
            Ok(client) => client,
            Err(error) => return walk.step(Err(problem(&error)), |()| String::new()),
        };
        container(settings, &client, &names, walk).await
    })
    .await
}

async fn token(settings: &Settings, walk: &mut Walk) -> Result<(), Stopped> {
    let Access::Entra(source) = &settings.access else {
        return Ok(());
    };
    let token = source.token(Audience::Storage).await.map_err(Problem::from);
    let token = walk.step(token, |token| {
        let owner = owner(&token.text).map_or_else(String::new, |owner| format!("; {owner}"));
        let kind = source.settings().kind.name();
        format!("by `{kind}`, good until {}{owner}", token.expires_at)
    });
    token.map(drop)
}

async fn container(
    settings: &Settings,
    client: &Client,
    names: &Names,
    walk: &mut Walk,
) -> Result<(), Stopped> {
    let listed = client.list(LIST, &names.checkpoints()).await;
    let clock = listed.as_ref().ok().map(|blobs| blobs.server_time);
    let listed = right(listed);
    let obstacle = match &listed {
        Right::Unknown(error) => Some(error),
        Right::Denied(error) => Some(error).filter(|error| !is_of_rights(error)),
        Right::Given | Right::GivenWithoutContainer => None,
    };
    if let Some(error) = obstacle {
        walk.note(Verdict::Failed(unreached(settings, error).await));
        return Err(Stopped);
    }
    walk.note(Verdict::Ok(format!(
        "`{}` answers, by {}",
        client.address(),
        describe(&settings.access)
    )));
    walk.note(match clock {
        Some(theirs) => Verdict::of_clock(theirs.millis_since(Timestamp::now()), "the storage account"),
        None => Verdict::Skipped("waits for `right to list`".to_owned()),
    });
    let name = format!("{}/check/{}", names.group(), uuid::Uuid::new_v4());
    let read = read(client, &name).await;
    let create = create(client, &name).await;
    let write = write(client, &name).await;
    let rights = [listed, read, create, write];
    if rights
        .iter()
        .any(|right| matches!(right, Right::GivenWithoutContainer))
    {
        walk.note(missing(settings));
    } else {
        walk.note(Verdict::Ok("is there".to_owned()));
    }
    for (right, what) in rights.into_iter().zip(["listed", "read", "made", "written"]) {
        walk.note(match right {
            Right::Given => Verdict::Ok(format!("blobs can be {what}")),
            Right::GivenWithoutContainer => Verdict::Skipped("waits for `container`".to_owned()),
            Right::Denied(error) | Right::Unknown(error) => Verdict::Failed(problem(&error)),
        });
    }
    Ok(())
}

/// The container is made at the first start, where that is allowed. Whether it is can be tried only by making it.
fn missing(settings: &Settings) -> Verdict {
    let name = settings.container.path().trim_start_matches('/');
    let cause = format!("container `{name}` is missing");
    let fix = "make it in the portal, or with `az storage container create`";
    match &settings.access {
        Access::SharedKey { .. } => Verdict::Ok(format!("{cause}; the first start makes it")),
        Access::Signature(signature) if signature.is_of_account() => Verdict::Warning(Problem::new(
            format!("{cause}; the first start makes it, if the signature allows that"),
            fix,
        )),
        Access::Signature(_) => Verdict::Failed(Problem::new(
            format!("{cause}, and a signature for a container cannot make it"),
            fix,
        )),
        Access::Entra(_) => Verdict::Warning(Problem::new(
            format!("{cause}; the first start makes it, if the identity has its role on the storage account"),
            fix,
        )),
    }
}

fn describe(access: &Access) -> String {
    match access {
        Access::SharedKey { account, .. } => format!("the key of account `{account}`"),
        Access::Signature(signature) => match signature.end() {
            Some(end) => format!("a shared access signature that ends at {end}"),
            None => "a shared access signature".to_owned(),
        },
        Access::Entra(_) => "the token".to_owned(),
    }
}

/// Whether it is known who we are, and only the right is missing.
fn is_of_rights(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 403, code, .. } if code == "AuthorizationPermissionMismatch")
}

/// What stands between, and what to do.
async fn unreached(settings: &Settings, error: &Error) -> Problem {
    if let Error::Unreachable { .. } = error
        && let Some(proxy) = &settings.proxy
        && let Some(objection) = tunnel::objection(proxy, &settings.container).await
    {
        return Problem::new(chain(&objection), objection.fix());
    }
    problem(error)
}

fn problem(error: &Error) -> Problem {
    Problem::new(chain(error), error.hint())
}

fn right<T>(answer: Result<T, Error>) -> Right {
    match answer {
        Ok(_) => Right::Given,
        Err(error) => match &error {
            Error::NoContainer { .. } => Right::GivenWithoutContainer,
            Error::Refused {
                status: 404 | 412, ..
            } => Right::Given,
            Error::Refused {
                status: 401 | 403, ..
            } => Right::Denied(error),
            _ => Right::Unknown(error),
        },
    }
}

async fn read(client: &Client, name: &str) -> Right {
    let blob = client.container().blob_client(name);
    right(client.finish(TRY, name, blob.get_properties(None)).await)
}

async fn create(client: &Client, name: &str) -> Right {
    let blob = client.container().blob_client(name);
    let options = BlockBlobClientUploadOptions {
        if_match: Some(AzureEtag::from(NO_VERSION)),
        ..BlockBlobClientUploadOptions::default()
    };
    let empty = RequestContent::<Bytes, NoFormat>::from(Vec::new());
    let created = blob.upload(empty, Some(options));
    right(client.finish(TRY, name, created).await)
}

async fn write(client: &Client, name: &str) -> Right {
    let blob = client.container().blob_client(name);
    let options = BlobClientSetMetadataOptions {
        if_match: Some(AzureEtag::from(NO_VERSION)),
        ..BlobClientSetMetadataOptions::default()
    };
    let metadata = HashMap::new();
    let written = blob.set_metadata(&metadata, Some(options));
    right(client.finish(TRY, name, written).await)
}
