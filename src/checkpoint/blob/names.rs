//! What the blobs of a consumer group are called.

use crate::checkpoint::file::Scope;
use crate::event::PartitionId;

/// Names of the blobs of one consumer group, `<namespace>/<hub>/<group>/checkpoint/<partition>` and
/// `…/ownership/<partition>`, all lower case.
///
/// Source: Azure/azure-sdk-for-net issue 8289, Azure/azure-sdk-for-python issue 8535: consumers agreed on lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    group: String,
    group_as_typed: Option<String>,
}

impl Names {
    /// The names of a group. A port that is not the default is part of the namespace, as Python has it.
    pub fn new(scope: Scope<'_>) -> Self {
        let port = scope.port.map_or_else(String::new, |port| format!(":{port}"));
        let Scope {
            namespace,
            hub,
            consumer_group,
            ..
        } = scope;
        let as_typed = format!("{namespace}{port}/{hub}/{consumer_group}");
        let group = as_typed.to_ascii_lowercase();
        Self {
            group_as_typed: (as_typed != group).then_some(as_typed),
            group,
        }
    }

    /// What the names of all checkpoints begin with.
    pub fn checkpoints(&self) -> String {
        format!("{}/checkpoint/", self.group)
    }

    /// The same as consumers write it that do not lower the case, if that differs.
    pub fn checkpoints_as_typed(&self) -> Option<String> {
        let group = self.group_as_typed.as_ref()?;
        Some(format!("{group}/checkpoint/"))
    }

    /// What the names of all ownerships begin with.
    pub fn ownerships(&self) -> String {
        format!("{}/ownership/", self.group)
    }

    /// The checkpoint of a partition.
    pub fn checkpoint(&self, partition: &PartitionId) -> String {
        self.checkpoints() + partition.as_str()
    }

    /// The ownership of a partition.
    pub fn ownership(&self, partition: &PartitionId) -> String {
        self.ownerships() + partition.as_str()
    }

    /// The group, as it stands in the names.
    pub fn group(&self) -> &str {
        &self.group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case() {
        let scope = Scope {
            namespace: "Contoso.servicebus.windows.net",
            port: None,
            hub: "Defender",
            consumer_group: "$Default",
        };
        let names = Names::new(scope);
        let partition = PartitionId::new("0");
        let group = "contoso.servicebus.windows.net/defender/$default";
        assert_eq!(names.checkpoint(&partition), format!("{group}/checkpoint/0"));
        assert_eq!(names.ownership(&partition), format!("{group}/ownership/0"));
        assert_eq!(
            names.checkpoints_as_typed().as_deref(),
            Some("Contoso.servicebus.windows.net/Defender/$Default/checkpoint/")
        );
        let names = Names::new(Scope {
            namespace: "localhost",
            port: Some(5672),
            hub: "defender",
            consumer_group: "soc",
        });
        assert_eq!(names.group(), "localhost:5672/defender/soc");
        assert_eq!(names.checkpoints_as_typed(), None);
    }
}
