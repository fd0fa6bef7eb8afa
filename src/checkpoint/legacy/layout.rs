//! Where each program puts the blob of a partition.

use super::form::Form;

/// Programs and clients that leave positions behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Azure Functions, of any version.
    Functions,
    /// EventProcessorHost of .NET, Java or Python.
    Eph,
    /// The first client for Go, before azeventhubs.
    Go,
    /// Filebeat's input azure-eventhub, of either version.
    Filebeat,
    /// Dapr's bindings and pub/sub for Event Hubs.
    Dapr,
    /// The official layout of today's clients, in whatever case the names were typed.
    AsTyped,
}

/// Whose positions they are, as the other program was told.
#[derive(Debug, Clone, Copy)]
pub struct Names<'n> {
    /// Host name of the namespace.
    pub namespace: &'n str,
    /// Name of the hub.
    pub hub: &'n str,
    /// Consumer group.
    pub consumer_group: &'n str,
    /// Whether only blobs are meant whose names have the same case. The service compares without case, and clients
    /// write names as they were typed or in lower case.
    pub is_exact: bool,
}

/// Which blob has the position of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<'b> {
    /// This one.
    Blob(&'b str, Form),
    /// There is none.
    Nothing,
    /// Several differ only in case, and which one is the newer cannot be told.
    Ambiguous(Vec<&'b str>),
}

impl Layout {
    /// The container, where the program has one of its own.
    pub fn container(self) -> Option<&'static str> {
        (self == Layout::Functions).then_some("azure-webjobs-eventhub")
    }

    /// The names that the blob of a partition may have, the newer layout first: a program that changed it copied its
    /// positions and went on there.
    pub fn places(self, names: Names<'_>, partition: &str) -> Vec<(String, Form)> {
        let Names {
            namespace,
            hub,
            consumer_group,
            ..
        } = names;
        let official = || {
            let name = format!("{namespace}/{hub}/{consumer_group}/checkpoint/{partition}");
            (name, Form::Metadata)
        };
        match self {
            Layout::Functions => {
                let lease = format!("{namespace}/{hub}/{consumer_group}/{partition}");
                vec![official(), (lease, Form::Lease)]
            }
            Layout::Eph => vec![(format!("{consumer_group}/{partition}"), Form::Lease)],
            Layout::Go => vec![(partition.to_owned(), Form::Golang)],
            Layout::Filebeat => vec![official(), (partition.to_owned(), Form::Golang)],
            Layout::Dapr => {
                let name = format!("dapr-{hub}-{consumer_group}-{partition}");
                vec![official(), (name, Form::Golang)]
            }
            Layout::AsTyped => vec![official()],
        }
    }

    /// The blob of a partition among `blobs`.
    pub fn choose<'b>(
        self,
        names: Names<'_>,
        partition: &str,
        blobs: impl IntoIterator<Item = &'b str> + Clone,
    ) -> Choice<'b> {
        for (wanted, form) in self.places(names, partition) {
            let is_it = |name: &&str| match names.is_exact {
                true => *name == wanted,
                false => name.eq_ignore_ascii_case(&wanted),
            };
            let found: Vec<_> = blobs.clone().into_iter().filter(is_it).collect();
            match found[..] {
                [] => {}
                [name] => return Choice::Blob(name, form),
                _ => return Choice::Ambiguous(found),
            }
        }
        Choice::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'static> = Names {
        namespace: "contoso.servicebus.windows.net",
        hub: "defender",
        consumer_group: "$Default",
        is_exact: false,
    };

    #[test]
    fn finds_the_blob_of_each_layout() {
        let typed = "Contoso.servicebus.windows.net/Defender/$Default/checkpoint/1";
        let functions = "Contoso.servicebus.windows.net/Defender/$Default/1";
        let blobs = [
            typed,
            functions,
            "$Default/1",
            "1",
            "11",
            "dapr-Defender-$Default-1",
            "Contoso.servicebus.windows.net/Defender/$Default/ownership/1",
        ];
        let without_official = &blobs[1..];
        let cases = [
            (Layout::Functions, &blobs[..], Choice::Blob(typed, Form::Metadata)),
            (
                Layout::Functions,
                without_official,
                Choice::Blob(functions, Form::Lease),
            ),
            (Layout::Eph, &blobs, Choice::Blob("$Default/1", Form::Lease)),
            (Layout::Go, &blobs, Choice::Blob("1", Form::Golang)),
            (Layout::Filebeat, &blobs, Choice::Blob(typed, Form::Metadata)),
            (
                Layout::Filebeat,
                without_official,
                Choice::Blob("1", Form::Golang),
            ),
            (
                Layout::Dapr,
                without_official,
                Choice::Blob("dapr-Defender-$Default-1", Form::Golang),
            ),
            (Layout::AsTyped, &blobs, Choice::Blob(typed, Form::Metadata)),
            (Layout::AsTyped, without_official, Choice::Nothing),
        ];
        for (layout, blobs, expected) in cases {
            assert_eq!(
                layout.choose(NAMES, "1", blobs.iter().copied()),
                expected,
                "{layout:?}"
            );
        }
    }

    /// Scenario: two programs that spelled the hub differently left a blob each.
    /// Guarantees: neither is taken silently; the exact spelling decides.
    #[test]
    fn two_spellings_are_not_guessed_at() {
        let blobs = [
            "contoso.servicebus.windows.net/Defender/$Default/checkpoint/0",
            "contoso.servicebus.windows.net/defender/$default/checkpoint/0",
        ];
        let choose = |names| Layout::AsTyped.choose(names, "0", blobs);
        assert_eq!(choose(NAMES), Choice::Ambiguous(blobs.to_vec()));
        let typed = Names {
            hub: "Defender",
            is_exact: true,
            ..NAMES
        };
        assert_eq!(choose(typed), Choice::Blob(blobs[0], Form::Metadata));
        let wrong = Names {
            is_exact: true,
            ..NAMES
        };
        assert_eq!(choose(wrong), Choice::Nothing);
    }
}
