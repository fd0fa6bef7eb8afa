//! Checks that only lines of text are cut where a target may cut them.

use super::Check;
use crate::config::configuration::TargetSettings;
use crate::config::target::Target;
use crate::config::yaml::{Node, Spanned};
use crate::map::MappingSet;

impl Check<'_> {
    /// Cut JSON is no JSON.
    pub(super) fn truncation(
        &mut self,
        settings: Option<&TargetSettings>,
        mapping: Option<&MappingSet>,
        target: &Spanned<Target>,
        node: Option<&Node>,
    ) {
        let is_json = mapping.is_some_and(|set| !set.output().is_text());
        if !is_json || !settings.is_some_and(TargetSettings::truncates) {
            return;
        }
        let kinds = ["syslog", "relp"].into_iter();
        let mut options = kinds.filter_map(|kind| node?.get(kind)?.get("oversize"));
        let span = options
            .next()
            .map_or(target.span.clone(), |node| node.span.clone());
        let message = format!(
            "`oversize: truncate` cuts lines, and `{}` writes JSON, which no receiver could read then",
            target.mapping.value
        );
        let help = "write `dead_letter`, leave the option out, or name a set that writes CEF or LEEF";
        self.error(
            span,
            "config::json_truncated",
            message,
            "does not fit the mapping",
            help,
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::configuration::load_text;
    use crate::config::diagnostic::SourceFile;

    /// Scenario: a target of a set that writes JSON may or may not shorten its lines.
    /// Guarantees: only the option that would break the JSON is refused.
    #[test]
    fn json_is_never_shortened() {
        let connection = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let text =
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
        std::fs::write(connection.path(), text).expect("a file can be written");
        for (option, refused) in [
            ("", None),
            (", oversize: dead_letter", None),
            (", oversize: truncate", Some("config::json_truncated")),
        ] {
            let text = format!(
                "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n\
                 checkpoint: {{ file: {{ directory: state }} }}\n\
                 dead_letter: {{ file: {{ directory: dead }} }}\n\
                 targets:\n  soc:\n    syslog: {{ address: 'h:514', transport: tcp{option} }}\n    mapping: native\n",
                connection.path().display()
            );
            let file = SourceFile {
                name: "hub2siem.yaml".into(),
                text: text.into(),
            };
            let codes: Vec<_> = match load_text(&file) {
                Ok(_) => Vec::new(),
                Err(problems) => problems.0.iter().map(|problem| problem.code).collect(),
            };
            assert_eq!(codes, Vec::from_iter(refused), "{option}");
        }
    }
}
