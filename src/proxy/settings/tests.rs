use super::*;
use crate::config::SecretReference;
use crate::deliver::value::Texts;

fn written(url: &str) -> Proxy {
    Proxy {
        url: url.to_owned(),
        username: None,
        password: None,
        no_proxy: None,
    }
}

#[test]
fn takes_an_address_and_nothing_else() {
    for (url, expected) in [
        ("http://proxy.contoso.com:3128", Ok("proxy.contoso.com:3128")),
        ("http://proxy", Ok("proxy:80")),
        ("http://[fd00::1]:3128/", Ok("[fd00::1]:3128")),
        ("proxy:3128", Err("is no address")),
        ("proxy", Err("is no address")),
        ("", Err("is no address")),
        ("http://proxy/path", Err("nothing after it")),
        ("http://proxy?x", Err("nothing after it")),
        ("https://proxy:3128", Err("begins with `https://`")),
        ("socks5://proxy:1080", Err("begins with `socks5://`")),
        (
            "http://me:Secret1@proxy:3128",
            Err("holds a user name or a password"),
        ),
    ] {
        let found = Settings::new(&written(url));
        match (found, expected) {
            (Ok(settings), Ok(expected)) => assert_eq!(settings.to_string(), expected, "{url}"),
            (Err(error), Err(expected)) => {
                let text = error.to_string();
                assert!(text.contains(expected), "{url}: {text}");
                assert!(!text.contains("Secret1"), "{text}");
            }
            (found, expected) => panic!("{url}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn user_name_and_password_belong_together() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), "open: sesame\n").expect("it can be written");
    let password = || Some(SecretReference::File(file.path().into()));
    let with = |username: Option<&str>, password| Proxy {
        username: username.map(str::to_owned),
        password,
        ..written("http://proxy:3128")
    };
    let settings = Settings::new(&with(Some("Aladdin"), password())).expect("they are whole");
    let value = settings.authorization().expect("there is one").expose_secret();
    assert_eq!(
        value,
        format!("Basic {}", BASE64_STANDARD.encode("Aladdin:open: sesame"))
    );
    assert_eq!(format!("{settings:?}"), "Proxy(proxy:3128)");
    let other = Settings::new(&with(Some("Jafar"), password())).expect("they are whole");
    assert!(settings.is_same(&settings) && !settings.is_same(&other));
    for (username, password, expected) in [
        (
            Some("a"),
            None,
            "`proxy.username` is given without `proxy.password`",
        ),
        (
            None,
            password(),
            "`proxy.password` is given without `proxy.username`",
        ),
        (Some("a:b"), password(), "has a colon"),
        (Some(""), password(), "is empty"),
        (
            Some("a"),
            Some(SecretReference::File("/nonexistent".into())),
            "failed to read `proxy.password`",
        ),
    ] {
        let error = Settings::new(&with(username, password)).expect_err("it cannot be used");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn leads_out_and_not_inside() {
    let settings = Settings::new(&Proxy {
        no_proxy: Some(Texts(vec!["contoso.com".into(), "10.0.0.0/8".into()])),
        ..written("http://proxy:3128")
    });
    let settings = settings.expect("it can be used");
    for (host, expected) in [
        ("hub.servicebus.windows.net", true),
        ("splunk.contoso.com", false),
        ("10.1.2.3", false),
        ("11.1.2.3", true),
        ("127.0.0.1", false),
        ("169.254.169.254", false),
        ("localhost", false),
    ] {
        assert_eq!(settings.leads_to(host), expected, "{host}");
    }
    for (url, expected) in [
        ("http://splunk.example:8088", true),
        ("https://splunk.example:8088", false),
        ("http://splunk.contoso.com:8088", false),
        ("http://127.0.0.1:8088", false),
    ] {
        assert_eq!(
            settings.refuses(&Url::parse(url).expect("it is one")),
            expected,
            "{url}"
        );
    }
    let wrong = Proxy {
        no_proxy: Some(Texts(vec!["contoso.com:8088".into()])),
        ..written("http://proxy:3128")
    };
    let error = Settings::new(&wrong).expect_err("a port means nothing there");
    assert!(
        error
            .to_string()
            .starts_with("`contoso.com:8088` in `proxy.no_proxy`"),
        "{error}"
    );
}
