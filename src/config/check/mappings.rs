//! Checks the mappings, with the salt they may need.

use secrecy::ExposeSecret;

use super::Check;
use crate::config::file::File;
use crate::durable::retry::chain;
use crate::map::salt::MIN_BYTES;
use crate::map::{MappingOptions, Mappings, Salt};

impl Check<'_> {
    pub(super) fn mappings(&mut self, written: &File) -> Option<Mappings> {
        let salt = match &written.mapping_salt {
            Some(_) => Some(self.salt(written)?),
            None => None,
        };
        let directory = written.mappings_directory.as_ref();
        let options = MappingOptions {
            directory: directory.map(|directory| directory.value.as_path()),
            salt,
        };
        let targets = written.targets.values();
        let wanted = targets
            .map(|target| target.value.mapping.value.as_str())
            .chain(["native"]);
        match Mappings::load_sets(options, Some(&wanted.collect())) {
            Ok(mappings) => {
                self.diagnostics.0.extend(mappings.warnings().0.iter().cloned());
                Some(mappings)
            }
            Err(diagnostics) => {
                self.diagnostics.0.extend(diagnostics.0);
                None
            }
        }
    }

    fn salt(&mut self, written: &File) -> Option<Salt> {
        let reference = written.mapping_salt.as_ref()?;
        let problem = match reference.read() {
            Ok(secret) if secret.expose_secret().len() >= MIN_BYTES => return Some(Salt::new(&secret)),
            Ok(_) => format!("a salt of less than {MIN_BYTES} characters can be guessed"),
            Err(error) => chain(&error),
        };
        let help = "make one with `openssl rand -hex 32` and keep it: another salt gives other pseudonyms";
        self.error(
            reference.span.clone(),
            "config::secret",
            problem,
            "read from here",
            help,
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::config::configuration::load_text;
    use crate::config::diagnostic::SourceFile;

    /// The codes and messages of a configuration whose salt is in a file of this text.
    fn problems(salt: &str) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("salt");
        std::fs::write(&path, salt).expect("a file can be written");
        let text = format!(
            "mapping_salt: {{ file: {path} }}\nevent_hub: {{ connection_string: {{ file: {path} }} }}\n\
             checkpoint: {{ file: {{ directory: x }} }}\ndead_letter: {{ file: {{ directory: x }} }}\n\
             targets: {{ all: {{ file: {{ path: \"-\" }}, mapping: native }} }}\n",
            path = path.display()
        );
        let file = SourceFile {
            name: "bridge.yaml".into(),
            text: text.into(),
        };
        let found = load_text(&file).expect_err("the connection string is none");
        found
            .0
            .into_iter()
            .map(|problem| format!("{}: {}", problem.code, problem.message))
            .collect()
    }

    #[test]
    fn a_salt_must_not_be_guessed() {
        let short = problems("fifteen letters");
        assert_eq!(
            short[0],
            "config::secret: a salt of less than 16 characters can be guessed"
        );
        let long = problems("fifteen letters and more");
        assert!(!long.iter().any(|problem| problem.contains("salt")), "{long:?}");
    }
}
