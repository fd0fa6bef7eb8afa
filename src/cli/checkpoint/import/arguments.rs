//! Where positions come from, and under which names they stand there.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::blobs::{self, Place};
use super::raw::Raw;
use super::{exported, storage};
use crate::checkpoint::blob::{self, Settings};
use crate::checkpoint::legacy::{Layout, Names};
use crate::cli::ConfigArguments;
use crate::cli::checkpoint::group::{namespace, scope};
use crate::cli::exit::Failure;
use crate::config::{CheckpointSettings, Configuration};
use crate::event::PartitionId;

/// What to import, where from, and how careful to be.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For each partition it is said what was found, what is there, and what is done: `import`, `keep`
because the existing position is further or the same, `nothing found`, `unreadable`, `foreign` if
the hub does not have such a position, `needs hub` if only the hub could tell. A position that is
further is never replaced without --overwrite, and nothing at all is written while something was
found that cannot be used, unless --skip-unusable leaves it out. Run again, it changes nothing.

Stop the other consumer first, and try it with --dry-run, which writes nothing. The bridge must be
stopped, but for a dry run; the storage of the other consumer is only read.

Exit code 0; 64 for a wrong command line or configuration, or if no position was found; 69 if hub
or storage cannot be reached or refuse, or something reads the group; 74 if something that was
found cannot be used, or if another process holds the checkpoints.

Examples:
  hub2siem checkpoint import --from functions --connection-string-env OLD_STORAGE --dry-run
  hub2siem checkpoint import --from filebeat --container-url https://contoso.blob.core.windows.net/filebeat
  hub2siem checkpoint import --from export --input checkpoints.jsonl")]
pub struct ImportArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Who wrote the positions.
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub from: Source,
    /// The consumer group to import into; may be left out if the configuration reads only one.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: Option<String>,
    /// The file of an export; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The container of the other consumer. With a shared access signature after `?`, or without, and then it is opened
    /// with the `credential` of the configuration.
    #[arg(long, value_name = "URL", conflicts_with_all = ["connection_string_env", "input"])]
    pub container_url: Option<String>,
    /// The environment variable with the connection string of the other consumer's storage account.
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub connection_string_env: Option<String>,
    /// The container in that storage account; `functions` has one of its own.
    #[arg(long, value_name = "NAME", requires = "connection_string_env")]
    pub container: Option<String>,
    /// The namespace as the other consumer had it, if it differs from the configuration's. Where one of these names is
    /// given, only blobs are taken whose names have the same case.
    #[arg(long, value_name = "HOST")]
    pub source_namespace: Option<String>,
    /// The hub as the other consumer had it.
    #[arg(long, value_name = "NAME")]
    pub source_hub: Option<String>,
    /// The consumer group of the other consumer.
    #[arg(long, value_name = "NAME")]
    pub source_consumer_group: Option<String>,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Take over positions that are behind those that are there; events come again.
    #[arg(long)]
    pub overwrite: bool,
    /// Leave out what cannot be used, and import the rest.
    #[arg(long)]
    pub skip_unusable: bool,
    /// Do not ask the hub; positions are taken at their word.
    #[arg(long)]
    pub offline: bool,
    /// With `checkpoint.blob`: take the partitions from an owner that is active, or was until just now.
    #[arg(long)]
    pub despite_owner: bool,
    /// Print the plan as one JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// Who wrote the positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Source {
    /// Azure Functions, of any version.
    Functions,
    /// EventProcessorHost of .NET, Java or Python.
    Eph,
    /// The first client for Go, before azeventhubs.
    Go,
    /// Filebeat's input azure-eventhub, of either version.
    Filebeat,
    /// Dapr.
    Dapr,
    /// The official layout of today's clients, in whatever case names were typed.
    AsTyped,
    /// `hub2siem checkpoint export`.
    Export,
}

impl Source {
    /// The layout of its blobs; `None` for an export, which is a file.
    pub(super) fn layout(self) -> Option<Layout> {
        match self {
            Source::Functions => Some(Layout::Functions),
            Source::Eph => Some(Layout::Eph),
            Source::Go => Some(Layout::Go),
            Source::Filebeat => Some(Layout::Filebeat),
            Source::Dapr => Some(Layout::Dapr),
            Source::AsTyped => Some(Layout::AsTyped),
            Source::Export => None,
        }
    }
}

/// Where positions are read from.
enum Origin<'a> {
    Export(&'a Path),
    Url(Layout, &'a str),
    Account(Layout, &'a str),
}

impl ImportArguments {
    /// Refuses options that do not go together.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.origin().map(|_| ())
    }

    /// Reads everything the source has for the group. `partitions` are those of the hub, if it was asked.
    pub(super) async fn read(
        &self,
        configuration: &Configuration,
        group: &str,
        partitions: Option<&[PartitionId]>,
    ) -> Result<Raw, Failure> {
        let namespace = namespace(configuration);
        let names = self.names(configuration, &namespace, group);
        let (layout, mut settings) = match self.origin()? {
            Origin::Export(path) => return exported::read(path, names),
            Origin::Url(layout, url) => (layout, storage::by_url(url, configuration.credential.as_ref())?),
            Origin::Account(layout, variable) => {
                let container = self.container.as_deref().or(layout.container());
                (layout, storage::by_account(variable, container)?)
            }
        };
        settings.proxy = configuration.proxy.clone();
        let own = own_prefix(configuration, group, &settings);
        let place = Place {
            layout,
            names,
            own: own.as_deref(),
        };
        blobs::read(&settings, place, partitions).await
    }

    fn origin(&self) -> Result<Origin<'_>, Failure> {
        let usage = |text: &str| Err(Failure::Usage(anyhow!("{text}")));
        let storage = (&self.container_url, &self.connection_string_env);
        match (self.from.layout(), &self.input, storage) {
            (None, Some(path), (None, None)) => Ok(Origin::Export(path)),
            (None, None, _) => usage("`--from export` needs `--input FILE`"),
            (None, Some(_), _) => usage("an export is a file, and not in a container"),
            (Some(_), Some(_), _) => usage("`--input` goes with `--from export` only"),
            (Some(layout), None, (Some(url), _)) => Ok(Origin::Url(layout, url)),
            (Some(layout), None, (None, Some(variable))) => Ok(Origin::Account(layout, variable)),
            (Some(_), None, (None, None)) => usage(
                "name the storage of the other consumer with `--container-url` or `--connection-string-env`",
            ),
        }
    }

    /// What was looked for, for someone who wonders why it was not found.
    pub(super) fn expected(&self, configuration: &Configuration, group: &str) -> String {
        match self.from.layout() {
            Some(layout) => {
                let namespace = namespace(configuration);
                let places = layout.places(self.names(configuration, &namespace, group), "0");
                let places = places.iter().map(|(name, _)| format!("`{name}`"));
                format!(
                    "blobs such as {} were looked for",
                    places.collect::<Vec<_>>().join(" or ")
                )
            }
            None => "no line of the file is of this hub and consumer group".to_owned(),
        }
    }

    fn names<'n>(
        &'n self,
        configuration: &'n Configuration,
        namespace: &'n str,
        group: &'n str,
    ) -> Names<'n> {
        let hub = &configuration.hub.hub;
        let given = [
            &self.source_namespace,
            &self.source_hub,
            &self.source_consumer_group,
        ];
        Names {
            namespace: self.source_namespace.as_deref().unwrap_or(namespace),
            hub: self.source_hub.as_deref().unwrap_or(&hub.name),
            consumer_group: self.source_consumer_group.as_deref().unwrap_or(group),
            is_exact: given.iter().any(|name| name.is_some()),
        }
    }
}

/// What the names of our own checkpoints begin with, if they stand in the container that is read.
fn own_prefix(configuration: &Configuration, group: &str, source: &Settings) -> Option<String> {
    match &configuration.checkpoint {
        CheckpointSettings::Blob(own) if own.container == source.container => {
            Some(blob::names::Names::new(scope(configuration, group)).checkpoints())
        }
        CheckpointSettings::Blob(_) | CheckpointSettings::File { .. } => None,
    }
}
