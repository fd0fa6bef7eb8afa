use secrecy::ExposeSecret;

use super::*;

/// Host, port, emulator, entity path.
type Read<'t> = (&'t str, Option<u16>, bool, Option<&'t str>);

fn check(text: &str, expected: Result<Read<'_>, Error>) {
    let found = ConnectionString::parse(text);
    let found = found.as_ref().map(|string| {
        (
            string.host.as_str(),
            string.port,
            string.is_emulator,
            string.entity_path.as_deref(),
        )
    });
    assert_eq!(found, expected.as_ref().copied(), "{text}");
}

#[test]
fn reads_every_form() {
    let key = "SharedAccessKeyName=reader;SharedAccessKey=c2VjcmV0==";
    let host = "contoso.servicebus.windows.net";
    check(
        &format!("Endpoint=sb://{host}/;{key};EntityPath=defender"),
        Ok((host, None, false, Some("defender"))),
    );
    check(
        &format!(" endpoint = sb://CONTOSO.servicebus.windows.net ; {key} ;; TransportType=AmqpWebSockets"),
        Ok((host, None, false, None)),
    );
    check(&format!("HostName={host};{key}"), Ok((host, None, false, None)));
    check(
        &format!("Endpoint=sb://127.0.0.1:5679;{key};UseDevelopmentEmulator=true"),
        Ok(("127.0.0.1", Some(5679), true, None)),
    );
    check(
        &format!("Endpoint=sb://[::1]:5679;{key};UseDevelopmentEmulator=false"),
        Ok(("::1", Some(5679), false, None)),
    );
    check(
        &format!(
            "Endpoint=sb://{host};SharedAccessSignature=SharedAccessSignature sr=x&sig=y%3D&se=1700000000&skn=z"
        ),
        Ok((host, None, false, None)),
    );
}

#[test]
fn names_the_key_and_the_next_step() {
    let endpoint = "Endpoint=sb://contoso.servicebus.windows.net";
    let key = "SharedAccessKeyName=reader;SharedAccessKey=c2VjcmV0";
    check("", Err(Error::NoEndpoint));
    check(key, Err(Error::NoEndpoint));
    check("Endpoint=;x=y", Err(Error::Empty { key: ENDPOINT }));
    check(&format!("{endpoint};secret"), Err(Error::NoValue { number: 2 }));
    check(
        &format!("{endpoint};{endpoint};{key}"),
        Err(Error::Duplicate { key: ENDPOINT }),
    );
    check(
        &format!("Endpoint=contoso;{key}"),
        Err(Error::InvalidEndpoint { key: ENDPOINT }),
    );
    check(
        &format!("Endpoint=sb://;{key}"),
        Err(Error::InvalidEndpoint { key: ENDPOINT }),
    );
    check(&format!("{endpoint};HostName=x;{key}"), Err(Error::TwoHosts));
    check(&format!("HostName=x.azure-devices.net;{key}"), Err(Error::IotHub));
    check(endpoint, Err(Error::NoCredential));
    check(
        &format!("{endpoint};SharedAccessKeyName=reader"),
        Err(Error::HalfKey {
            present: KEY_NAME,
            missing: KEY,
        }),
    );
    check(
        &format!("{endpoint};SharedAccessKey=c2VjcmV0"),
        Err(Error::HalfKey {
            present: KEY,
            missing: KEY_NAME,
        }),
    );
    check(
        &format!("{endpoint};{key};SharedAccessSignature=x"),
        Err(Error::TwoCredentials),
    );
    check(
        &format!("{endpoint};SharedAccessSignature=x"),
        Err(Error::InvalidSignature),
    );
    check(
        &format!("{endpoint};{key};UseDevelopmentEmulator=yes"),
        Err(Error::InvalidSwitch),
    );
}

#[test]
fn keeps_the_key_as_given() {
    let string = ConnectionString::parse(
        "Endpoint=sb://contoso.servicebus.windows.net;SharedAccessKeyName=reader;SharedAccessKey=a=b==",
    )
    .expect("it is well formed");
    let Credential::SharedAccessKey { name, key } = &string.credential else {
        panic!("it is a key");
    };
    assert_eq!((name.as_str(), key.expose_secret()), ("reader", "a=b=="));
    assert!(
        !format!("{string:?}").contains("a=b"),
        "the key must not be printed"
    );
}

#[test]
fn the_hub_must_agree() {
    let with = |entity_path: &str| {
        ConnectionString::parse(&format!(
            "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=k{entity_path}"
        ))
        .expect("it is well formed")
    };
    assert_eq!(with(";EntityPath=a").hub(Some("A")), Ok("A".into()));
    assert_eq!(with(";EntityPath=a").hub(None), Ok("a".into()));
    assert_eq!(with("").hub(Some("b")), Ok("b".into()));
    assert_eq!(with("").hub(None), Err(Error::NoHub));
    assert!(matches!(
        with(";EntityPath=a").hub(Some("b")),
        Err(Error::OtherHub { .. })
    ));
}

#[test]
fn knows_where_plain_text_is_a_risk() {
    for (host, switch, expected) in [
        ("127.0.0.1", "true", false),
        ("10.1.2.3", "true", false),
        ("8.8.8.8", "true", true),
        ("eventhubs-emulator", "true", false),
        ("contoso.servicebus.windows.net", "true", true),
        ("contoso.servicebus.windows.net", "false", false),
    ] {
        let string = ConnectionString::parse(&format!(
            "Endpoint=sb://{host};SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator={switch}"
        ))
        .expect("it is well formed");
        assert_eq!(string.is_exposed(), expected, "{host} {switch}");
    }
}
