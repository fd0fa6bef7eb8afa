use std::path::Path;

use crate::config::configuration::{CheckpointSettings, Configuration, load_text};
use crate::config::diagnostic::SourceFile;

const HUB: &str =
    "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
const ACCOUNT: &str = "AccountName=contoso;AccountKey=c2VjcmV0";
const URL: &str = "container_url: 'https://contoso.blob.core.windows.net/checkpoints'";
const STATE: &str = "state: { directory: ./state }";

/// Loads a configuration with this `checkpoint`, further lines, and options of its only target.
fn load(directory: &Path, checkpoint: &str, top: &str, target: &str) -> Result<Configuration, String> {
    let write = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).expect("a file can be written");
    };
    write("hub", HUB);
    write("account", ACCOUNT);
    write("signature", "?sv=2025-11-05&sp=rcwl&sig=abc%3D");
    write("noise", "hello");
    let at = |name: &str| format!("{{ file: '{}' }}", directory.join(name).display());
    let checkpoint = checkpoint
        .replace("ACCOUNT", &at("account"))
        .replace("SIGNATURE", &at("signature"))
        .replace("NOISE", &at("noise"))
        .replace("NOTHING", &at("nothing"));
    let text = format!(
        "event_hub: {{ connection_string: {}, name: defender }}\ncheckpoint: {checkpoint}\n\
         dead_letter: {{ file: {{ directory: ./dead-letters }} }}\n{top}\n\
         targets:\n  soc: {{ file: {{ path: '-' }}, mapping: native, {target} }}\n",
        at("hub")
    );
    let file = SourceFile {
        name: "test.yaml".into(),
        text: text.into(),
    };
    load_text(&file)
        .map(|(configuration, _)| configuration)
        .map_err(|problems| problems.render(false))
}

/// Scenario: the store is named in each way. Guarantees: it is the container that is meant, and nothing in the settings
/// shows a secret.
#[test]
fn takes_every_way_to_a_container() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let credential = format!("{STATE}\ncredential: {{ managed_identity: {{ client_id: a }} }}");
    for (blob, top, access) in [
        (
            "connection_string: ACCOUNT, container: checkpoints",
            STATE,
            "SharedKey",
        ),
        (
            &format!("{URL}, shared_access_signature: SIGNATURE"),
            STATE,
            "Signature",
        ),
        (URL, credential.as_str(), "Entra"),
        (
            "connection_string: ACCOUNT, container: checkpoints, strategy: balanced, interval: 30s, expiry: 1m",
            STATE,
            "SharedKey",
        ),
    ] {
        let configuration = load(directory.path(), &format!("{{ blob: {{ {blob} }} }}"), top, "")
            .unwrap_or_else(|problems| panic!("{blob}: {problems}"));
        let CheckpointSettings::Blob(settings) = &configuration.checkpoint else {
            panic!("{:?}", configuration.checkpoint)
        };
        assert_eq!(
            settings.container.as_str(),
            "https://contoso.blob.core.windows.net/checkpoints"
        );
        let shown = format!("{settings:?}");
        assert!(shown.contains(access), "{blob}: {shown}");
        assert!(
            !shown.contains("c2VjcmV0") && !shown.contains("abc%3D"),
            "{shown}"
        );
        assert_eq!(configuration.state_directory.to_str(), Some("./state"));
    }
}

#[test]
fn says_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let account = "connection_string: ACCOUNT, container: checkpoints";
    let cases = [
        ("{}", STATE, "", "neither `file` nor `blob`"),
        (
            "{ file: { directory: a }, blob: { ACC } }",
            STATE,
            "",
            "both `file` and `blob`",
        ),
        ("{ blob: { ACC } }", "", "", "needs a `state.directory`"),
        ("{ blob: {} }", STATE, "", "neither `container_url` nor"),
        ("{ blob: { URL, ACC } }", STATE, "", "both `container_url` and"),
        (
            "{ blob: { connection_string: ACCOUNT } }",
            STATE,
            "",
            "no container is named",
        ),
        (
            "{ blob: { connection_string: NOISE, container: checkpoints } }",
            STATE,
            "",
            "part 1 has no `=`",
        ),
        (
            "{ blob: { connection_string: NOTHING, container: checkpoints } }",
            STATE,
            "",
            "config::secret",
        ),
        (
            "{ blob: { connection_string: ACCOUNT, container: Big_One } }",
            STATE,
            "",
            "cannot be the name",
        ),
        (
            "{ blob: { ACC, shared_access_signature: SIGNATURE } }",
            STATE,
            "",
            "belongs to `container_url`",
        ),
        ("{ blob: { URL } }", STATE, "", "needs a `credential`"),
        (
            "{ blob: { URL, shared_access_signature: NOISE } }",
            STATE,
            "",
            "has no `sig=`",
        ),
        (
            "{ blob: { URL, container: x, shared_access_signature: SIGNATURE } }",
            STATE,
            "",
            "names the container",
        ),
        (
            "{ blob: { container_url: 'https://contoso.blob.core.windows.net' } }",
            STATE,
            "",
            "no address of a",
        ),
        (
            "{ blob: { container_url: 'http://contoso.example/checkpoints' } }",
            STATE,
            "",
            "is not HTTPS",
        ),
        (
            "{ blob: { container_url: 'https://h/checkpoints?sig=topsecret' } }",
            STATE,
            "",
            "more than an address",
        ),
        (
            "{ blob: { ACC, expiry: 15s } }",
            STATE,
            "",
            "one renewal that fails",
        ),
        (
            "{ blob: { ACC, interval: 40s } }",
            STATE,
            "",
            "one renewal that fails",
        ),
        (
            "{ blob: { ACC, interval: 500ms, expiry: 1m } }",
            STATE,
            "",
            "too short",
        ),
        ("{ blob: { ACC, strategy: fair } }", STATE, "", "greedy"),
        (
            "{ blob: { container_url: 'http://contoso.example/checkpoints', shared_access_signature: SIGNATURE } }",
            "state: { directory: ./state }\nproxy: { url: 'http://proxy:3128' }",
            "",
            "config::proxy",
        ),
        (
            "{ blob: { ACC, tls: { ca_file: /nonexistent/ca.pem } } }",
            STATE,
            "",
            "config::tls",
        ),
        (
            "{ blob: { ACC } }",
            STATE,
            "snapshots: changes_only",
            "do not go together",
        ),
    ];
    for (checkpoint, top, target, expected) in cases {
        let checkpoint = checkpoint.replace("ACC }", &format!("{account} }}"));
        let checkpoint = checkpoint
            .replace("ACC,", &format!("{account},"))
            .replace("URL", URL);
        let problems = load(directory.path(), &checkpoint, top, target).expect_err(&checkpoint);
        assert!(problems.contains(expected), "{checkpoint}: {problems}");
        assert!(
            !problems.contains("topsecret") && !problems.contains("c2VjcmV0"),
            "{problems}"
        );
    }
}

/// Scenario: an option is renamed and the document is forgotten. Guarantees: every example of a store is accepted.
#[test]
fn the_documented_examples_are_accepted() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let text = std::fs::read_to_string("docs/checkpoints.md").expect("the document is there");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().expect("a text has a beginning"));
    let mut accepted = 0;
    for block in blocks.filter(|block| block.starts_with("checkpoint:")) {
        let checkpoint = block.trim_start_matches("checkpoint:");
        load(directory.path(), checkpoint, "", "").unwrap_or_else(|problems| panic!("{problems}"));
        accepted += 1;
    }
    assert_eq!(accepted, 2);
}
