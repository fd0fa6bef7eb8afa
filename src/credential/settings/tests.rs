use secrecy::SecretString;

use super::*;
use crate::durable::retry::chain;

fn read(yaml: &str, host: Host) -> Result<Kind, String> {
    let written: Credential = serde_saphyr::from_str(yaml).expect("it has the form of the section");
    Kind::new(&written, host).map_err(|error| chain(&error))
}

/// Scenario: each kind, written well and written badly. Guarantees: exactly one kind with usable ids passes, and the message
/// names the option that is wrong, never its value.
#[test]
fn one_usable_kind() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), "value\n").expect("it can be written");
    let secret = format!("secret: {{ file: {:?} }}", file.path());
    let application = "tenant_id: contoso.example, client_id: 11111111-2222-3333-4444-555555555555";
    let cases = [
        ("tls: {}".to_owned(), "`credential` has 0 kinds"),
        (
            "{ managed_identity: {}, azure_cli: {} }".to_owned(),
            "`credential` has 2 kinds",
        ),
        (format!("client_secret: {{ {application}, {secret} }}"), ""),
        (
            format!("client_secret: {{ {application}, secret: {{ file: /nonexistent/secret }} }}"),
            "failed to read `credential.client_secret.secret`: failed to read secret file `/nonexistent/secret`",
        ),
        (
            format!("client_secret: {{ tenant_id: 'a/b', client_id: x, {secret} }}"),
            "`credential.client_secret.tenant_id` is empty or has characters",
        ),
        (
            format!("client_secret: {{ tenant_id: a, client_id: 'Zx8~Q~secret', {secret} }}"),
            "`credential.client_secret.client_id` is empty or has characters",
        ),
        (
            format!("client_certificate: {{ {application}, certificate_file: /nonexistent/app.pem }}"),
            "failed to read a certificate in `/nonexistent/app.pem`",
        ),
        ("managed_identity: {}".to_owned(), ""),
        ("managed_identity: { client_id: a }".to_owned(), ""),
        ("managed_identity: { object_id: a }".to_owned(), ""),
        (
            "managed_identity: { resource_id: /subscriptions/a/b }".to_owned(),
            "",
        ),
        (
            "managed_identity: { resource_id: mine }".to_owned(),
            "`credential.managed_identity.resource_id` is empty or",
        ),
        (
            "managed_identity: { client_id: a, object_id: b }".to_owned(),
            "names the identity 2 times",
        ),
        (
            "workload_identity: { tenant_id: a, client_id: b, token_file: /var/run/token }".to_owned(),
            "",
        ),
        (
            "workload_identity: { tenant_id: a, client_id: b }".to_owned(),
            "environment variable `AZURE_FEDERATED_TOKEN_FILE` is not set",
        ),
        ("azure_cli: {}".to_owned(), ""),
        (
            "azure_cli: { tenant_id: a, subscription: 'Contoso Security' }".to_owned(),
            "",
        ),
        (
            "azure_cli: { subscription: 'a; rm' }".to_owned(),
            "`credential.azure_cli.subscription` is empty or has characters",
        ),
    ];
    for (yaml, expected) in cases {
        match read(&yaml, Host::VirtualMachine) {
            Ok(kind) => {
                assert_eq!(expected, "", "{yaml} is {}", kind.name());
                assert!(yaml.contains(kind.name()), "{yaml}");
            }
            Err(message) => {
                assert!(
                    !expected.is_empty() && message.contains(expected),
                    "{yaml}: {message}"
                );
                assert!(!message.contains("Zx8"), "{message}");
            }
        }
    }
}

/// Scenario: managed identities on machines whose protocol is not spoken. Guarantees: that is said before the start.
#[test]
fn managed_identity_where_it_can_be_had() {
    let (system, resource) = (
        "managed_identity: {}",
        "managed_identity: { resource_id: /subscriptions/a }",
    );
    for (yaml, host, expected) in [
        (system, Host::AppService, ""),
        (resource, Host::VirtualMachine, ""),
        (resource, Host::AppService, "name the identity by its `client_id`"),
        (
            system,
            Host::Arc,
            "managed identity on Azure Arc is not supported; use `client_certificate`",
        ),
        (
            system,
            Host::Other("Cloud Shell"),
            "managed identity on Cloud Shell is not supported",
        ),
    ] {
        match read(yaml, host) {
            Ok(_) => assert_eq!(expected, "", "{host:?}"),
            Err(message) => assert!(!expected.is_empty() && message.contains(expected), "{message}"),
        }
    }
}

#[test]
fn a_changed_secret_is_another_credential() {
    let with = |secret: &str| Kind::ClientSecret {
        tenant_id: "t".into(),
        client_id: "c".into(),
        secret: SecretString::from(secret),
    };
    assert!(with("a").is_same(&with("a")));
    assert!(!with("a").is_same(&with("b")));
    let system = Kind::ManagedIdentity(None);
    let other = Kind::ManagedIdentity(Some(UserAssigned::ClientId("a".into())));
    assert!(system.is_same(&system) && !system.is_same(&other) && !system.is_same(&with("a")));
}
