//! Checks `dead_letter.forward_to`: a target of the same file that can take a copy.

use super::Check;
use crate::config::configuration::TargetConfiguration;
use crate::config::file::File;

impl Check<'_> {
    pub(super) fn forward_to(&mut self, written: &File, targets: &[TargetConfiguration]) {
        let Some(name) = &written.dead_letter.forward_to else {
            return;
        };
        let (message, help) = match targets.iter().find(|target| *target.name == **name) {
            // A target that is wrong itself is reported as such.
            None if written.targets.contains_key(&name.value) => return,
            None => {
                let names: Vec<_> = written.targets.keys().map(String::as_str).collect();
                (
                    format!("there is no target `{}`", name.value),
                    format!("there are: {}", names.join(", ")),
                )
            }
            Some(target) if target.is_given_up => (
                format!("target `{}` is given up", name.value),
                "name another one, or leave the option out".to_owned(),
            ),
            Some(target) if target.mapping.output().is_text() => (
                format!(
                    "target `{}` gets lines of `{}`, and a copy of a dead letter is JSON",
                    name.value,
                    target.mapping.name()
                ),
                "name a target whose mapping writes JSON, such as `native` or `ecs`".to_owned(),
            ),
            Some(target) if target.keeps_positions() => (
                format!(
                    "target `{}` keeps positions with its records, and a copy of a dead letter has none",
                    target.name
                ),
                "name a target without `exactly_once`".to_owned(),
            ),
            Some(_) => return,
        };
        self.error(
            name.span.clone(),
            "config::forward_to",
            message,
            "this target",
            &help,
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::configuration::load_text;
    use crate::config::diagnostic::SourceFile;

    /// Scenario: a target of JSON, one of text, one that is given up, one with positions, and none. Guarantees: only the first can take copies.
    #[test]
    fn copies_go_to_a_target_that_takes_json() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let folder = directory.path().display();
        let connection =
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
        std::fs::write(directory.path().join("connection"), connection).expect("a file can be written");
        for (forward_to, refused) in [
            ("null", None),
            ("archive", None),
            ("lines", Some("config::forward_to")),
            ("gone", Some("config::forward_to")),
            ("once", Some("config::forward_to")),
            ("nobody", Some("config::forward_to")),
        ] {
            let text = format!(
                "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender }}\n\
                 checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
                 dead_letter: {{ file: {{ directory: '{folder}/dead' }}, forward_to: {forward_to} }}\n\
                 targets:\n  \
                   archive: {{ file: {{ path: '{folder}/a' }}, mapping: ecs }}\n  \
                   once: {{ kafka: {{ brokers: 'kafka:9092', topic: mdc, exactly_once: true }}, mapping: ecs, consumer_group: once }}\n  \
                   lines: {{ file: {{ path: '{folder}/l' }}, mapping: cef }}\n  \
                   gone: {{ file: {{ path: '{folder}/g' }}, mapping: native, given_up: true }}\n"
            );
            let file = SourceFile {
                name: "hub2siem.yaml".into(),
                text: text.into(),
            };
            let codes: Vec<_> = match load_text(&file) {
                Ok(_) => Vec::new(),
                Err(problems) => problems.0.iter().map(|problem| problem.code).collect(),
            };
            assert_eq!(codes, Vec::from_iter(refused), "{forward_to}");
        }
    }
}
