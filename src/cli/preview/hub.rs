//! `--hub`: live events through a consumer group that nothing else reads.

use std::path::Path;

use anyhow::anyhow;

use super::PreviewArguments;
use super::records::Preview;
use crate::cli::exit::Failure;
use crate::cli::load::{self, DEFAULT_CONFIG};
use crate::eventhub::peek::{Peeked, peek};
use crate::eventhub::{EndReason, HubSettings};

/// Previews events of the hub until enough came or the time is over.
pub(super) fn run(arguments: &PreviewArguments, preview: &mut Preview<'_>) -> Result<(), Failure> {
    let path = arguments
        .mappings
        .config
        .as_deref()
        .unwrap_or(Path::new(DEFAULT_CONFIG));
    let configuration = load::configuration(path)?;
    let group = arguments.consumer_group.as_deref().unwrap_or_default();
    let settings = HubSettings {
        consumer_group: load::spare_group(group, &configuration)?,
        receiver_name: format!("{}-preview", configuration.hub.receiver_name).into(),
        ..configuration.hub.clone()
    };
    let hub = settings.hub.clone();
    let limit = arguments.events.get();
    let mut result = Ok(());
    let each = |peeked| match peeked {
        Peeked::Event(event) => {
            let origin = format!("partition {}, event {}", event.partition, event.sequence_number);
            if result.is_ok() {
                result = preview.event(&hub, &event, &origin);
            }
        }
        Peeked::Refused(detail) => preview.fail("an event that AMQP cannot carry", &detail),
    };
    let events = load::block_on(peek(settings, limit, arguments.timeout, each))?;
    result?;
    let events = events.map_err(|end| match end.reason {
        EndReason::Stolen => Failure::Peer(anyhow!(end).context(format!(
            "consumer group `{group}` has a reader of its own; give the preview another one"
        ))),
        _ => Failure::Peer(anyhow!(end).context(format!("failed to read consumer group `{group}`"))),
    })?;
    if events < limit {
        let seconds = arguments.timeout.as_secs_f64();
        eprintln!("{events} of {limit} events came within {seconds} s");
    }
    Ok(())
}
