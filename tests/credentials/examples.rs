//! The examples in the documents.

use hub2siem::credential::Cloud;
use hub2siem::credential::config::{CloudChoice, Credential};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What an example may show of a configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    #[serde(rename = "event_hub")]
    _event_hub: Option<IgnoredAny>,
    credential: Option<Credential>,
    cloud: Option<CloudChoice>,
}

/// Scenario: an option is renamed and the document is forgotten.
/// Guarantees: every example of `docs/credentials.md` has the form of the sections, and together they show every kind.
#[test]
fn examples_have_the_form_of_the_sections() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/credentials.md");
    let text = std::fs::read_to_string(path).expect("the document is there");
    let mut kinds = [false; 5];
    let mut clouds = 0;
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().expect("a text has a beginning");
        let example: Example =
            serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
        if let Some(credential) = example.credential {
            let given = [
                credential.client_secret.is_some(),
                credential.client_certificate.is_some(),
                credential.managed_identity.is_some(),
                credential.workload_identity.is_some(),
                credential.azure_cli.is_some(),
            ];
            assert_eq!(given.iter().filter(|is_given| **is_given).count(), 1, "{block}");
            kinds
                .iter_mut()
                .zip(given)
                .for_each(|(shown, given)| *shown |= given);
        }
        if let Some(choice) = example.cloud {
            clouds += 1;
            assert!(Cloud::new(&choice).is_ok(), "{block}");
        }
    }
    assert_eq!((kinds, clouds), ([true; 5], 1));
}
