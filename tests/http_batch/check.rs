//! The harmless try of `check --connect`.

use hub2siem::deliver::azure_monitor::{self, AzureMonitor};
use hub2siem::deliver::{elasticsearch, http};
use hub2siem::finding::{Finding, Problem};

use super::bench::{SMALL, elasticsearch_settings, file, http_settings, hub};
use super::http_peer::{Answer, Cluster, Fault, Hook, Ingestion, Peer};

fn problems(findings: Vec<Finding>) -> Vec<Problem> {
    findings.iter().filter_map(Finding::failure).cloned().collect()
}

fn is_well(findings: &[Finding]) -> bool {
    !findings.is_empty() && findings.iter().all(|finding| finding.detail().is_some())
}

#[tokio::test]
async fn a_webhook_is_asked_and_gets_nothing() {
    let peer = Peer::start(Hook::default()).await;
    let settings = http_settings(&peer.endpoint(), SMALL);
    assert!(is_well(&http::check(&settings).await));
    assert_eq!(peer.requests()[0].method.as_str(), "HEAD");
    peer.then([404, 405, 501].map(|status| Fault::Instead(Answer::status(status))));
    for _ in 0..3 {
        assert!(
            is_well(&http::check(&settings).await),
            "most webhooks know no HEAD"
        );
    }
    peer.then([401, 503].map(|status| Fault::Instead(Answer::status(status))));
    for fix in ["authentication", "healthy"] {
        let problems = problems(http::check(&settings).await);
        assert!(problems[0].fix.contains(fix), "{:?}", problems[0]);
    }
    let nowhere = http_settings("http://127.0.0.1:1/in?code=s3cret", "");
    let problem = problems(http::check(&nowhere).await)
        .pop()
        .expect("nobody is there");
    assert!(problem.fix.contains("host and port"), "{problem:?}");
    assert!(
        !format!("{problem:?} {problem}").contains("s3cret"),
        "{problem:?}"
    );
}

#[tokio::test]
async fn a_cluster_is_asked_and_gets_nothing() {
    let peer = Peer::start(Cluster::default()).await;
    peer.receiver().authorization = Some("ApiKey right".to_owned());
    for (key, fix) in [("right", None), ("wrong", Some("API key"))] {
        let key = file(key);
        let lines = format!("authentication: {{ api_key: {{ file: {:?} }} }}", key.path());
        let settings = elasticsearch_settings(&[peer.endpoint()], &lines);
        let problems = problems(elasticsearch::check(&settings).await);
        assert_eq!(problems.len(), usize::from(fix.is_some()), "{problems:?}");
        if let Some(fix) = fix {
            assert!(problems[0].fix.contains(fix), "{:?}", problems[0]);
        }
    }
    assert!(peer.receiver().documents.is_empty());
    peer.then([Fault::Instead(Answer::page(400))]);
    let findings = elasticsearch::check(&elasticsearch_settings(&[peer.endpoint()], SMALL)).await;
    let problems = problems(findings);
    assert!(problems[0].fix.contains("not from Elasticsearch"), "{problems:?}");
}

#[tokio::test]
async fn each_stream_is_asked_and_gets_nothing() {
    let peer = Peer::start(Ingestion::new("token")).await;
    peer.receiver().streams = vec!["Custom-Alerts".to_owned(), "Custom-Rest".to_owned()];
    let token = file("token\n");
    let rule = peer.receiver().rule.clone();
    let check = async |rule: &str, rest: &str| {
        let yaml = format!(
            "endpoint: {}\nrule: {rule}\nstream: {{ alert: Custom-Alerts, otherwise: {rest} }}\ntoken: {{ file: {:?} }}\n",
            peer.endpoint(),
            token.path()
        );
        let options: AzureMonitor = serde_saphyr::from_str(&yaml).expect("the options are valid");
        let settings = azure_monitor::Settings::new(&options, None).expect("they can be used");
        problems(azure_monitor::check(&settings, &hub()).await)
    };
    assert!(check(&rule, "Custom-Rest").await.is_empty());
    assert_eq!(peer.requests().len(), 2);
    let problems = check(&rule, "Custom-Other").await;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].fix.contains("`stream`"), "{problems:?}");
    assert!(check("dcr-2", "Custom-Rest").await[0].fix.contains("`rule`"));
    peer.receiver().is_permitted = false;
    assert!(
        check(&rule, "Custom-Rest").await[0]
            .fix
            .contains("Monitoring Metrics Publisher")
    );
    peer.receiver().token = "another".to_owned();
    assert!(check(&rule, "Custom-Rest").await[0].fix.contains("audience"));
    assert!(peer.receiver().rows.is_empty());
}
