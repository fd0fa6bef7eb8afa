//! RELP over TLS with a real rsyslog.

use std::path::Path;

use hub2siem::deliver::relp::check;
use hub2siem::telemetry::health::BlockReason;

use super::bench::{Bench, all_came, settings, tries};
use super::peers::rsyslog::Options;
use super::peers::{Certificates, Packages, Rsyslog, Transport, packages};
use super::stage::Account;

/// A receiver that may want a client certificate, and its certificates.
async fn receiver(packages: &Packages, wants_client_certificate: bool) -> (Rsyslog, Options) {
    let options = Options {
        wants_client_certificate,
        ..Options::new(Transport::RelpTls)
    };
    (Rsyslog::start(packages, &options).await, options)
}

fn certificates(options: &Options) -> &Certificates {
    options.certificates.as_ref().expect("there is TLS")
}

/// Options that trust the receiver's issuer.
fn trusting(certificates: &Certificates) -> String {
    format!("ca_file: {:?}", certificates.ca())
}

fn showing((certificate, key): (impl AsRef<Path>, impl AsRef<Path>)) -> String {
    format!(
        "client_certificate: {{ certificate_file: {:?}, key_file: {:?} }}",
        certificate.as_ref(),
        key.as_ref()
    )
}

fn by_name(receiver: &Rsyslog) -> String {
    format!("localhost:{}", receiver.address().port())
}

/// Scenario: the receiver's issuer is known, or nothing is verified; the receiver restarts under load.
/// Guarantees: records arrive by TLS, nothing is lost over the restart, and only `verify: false` is a metric.
#[tokio::test]
async fn trusted() {
    let Some(packages) = packages("RELP over TLS with rsyslog").await else {
        return;
    };
    for is_verified in [true, false] {
        let (mut receiver, options) = receiver(&packages, false).await;
        let tls = match is_verified {
            true => trusting(certificates(&options)),
            false => "verify: false".to_owned(),
        };
        let settings = settings(&by_name(&receiver), &format!("tls: {{ {tls} }}"));
        let finding = check(&settings).await;
        let detail = finding.detail().expect("it would do");
        assert!(detail.contains("librelp"), "{detail}");
        let mut bench = Bench::with(settings);
        tokio::join!(bench.send(1_000), async {
            receiver.wait_for(300).await;
            receiver.restart().await;
        });
        let off = bench
            .metrics
            .tls_verification_off
            .with_label_values(&["soc"])
            .get();
        assert_eq!(off, i64::from(!is_verified));
        assert_eq!(bench.close().await, Account::delivered(1_000));
        receiver.stop().await;
        all_came(&receiver.records(), 1_000);
    }
}

/// Scenario: the receiver's certificate is for another name than the one that is demanded; then the name is mended and
/// taken over while the target is at work.
/// Guarantees: the target is blocked and says why, `check` too, and the receiver gets nothing before it is mended.
#[tokio::test]
async fn a_wrong_name_is_refused() {
    let Some(packages) = packages("a wrong name in the certificate of rsyslog").await else {
        return;
    };
    let (receiver, options) = receiver(&packages, false).await;
    let trusting = trusting(certificates(&options));
    let wrong = settings(
        &by_name(&receiver),
        &format!("tls: {{ {trusting}, server_name: siem.test }}"),
    );
    let finding = check(&wrong).await;
    let problem = finding.failure().expect("it is refused");
    assert!(problem.cause.contains("not valid for name"), "{problem}");
    assert!(problem.fix.contains("tls.server_name"), "{}", problem.fix);
    let mut bench = Bench::with(wrong);
    bench.send(20).await;
    bench
        .until("blocked", |bench| bench.health.blocked().is_some())
        .await;
    let blocked = bench.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Tls);
    assert!(
        blocked.detail.contains("not valid for name"),
        "{}",
        blocked.detail
    );
    bench.until("tries", |bench| bench.retried("tls") >= 2).await;
    assert_eq!((bench.settled(), receiver.records().len()), (0, 0));
    let right = settings(&by_name(&receiver), &format!("tls: {{ {trusting} }}"));
    bench.settings.send_replace(right);
    bench.until("delivered", |bench| bench.settled() == 20).await;
    assert_eq!(bench.health.blocked(), None);
    assert_eq!(bench.close().await, Account::delivered(20));
}

/// Scenario: the receiver wants a client certificate of a certain name; none is shown, then another's, then the right one.
/// Guarantees: nothing settles before the right one is shown, and then everything arrives.
#[tokio::test]
async fn a_client_certificate_is_demanded() {
    let Some(packages) = packages("client certificates with rsyslog").await else {
        return;
    };
    let (receiver, options) = receiver(&packages, true).await;
    let files = certificates(&options);
    let trusting = trusting(files);
    let with = |shown: &str| settings(&by_name(&receiver), &format!("tls: {{ {trusting}{shown} }}"));
    let mut bench = Bench::with(with(""));
    bench.send(20).await;
    for shown in [String::new(), format!(", {}", showing(files.server()))] {
        let settings = with(&shown);
        let finding = check(&settings).await;
        let problem = finding.failure().expect("it is refused");
        println!("{problem}; {}", problem.fix);
        let before = tries(&bench);
        bench.settings.send_replace(settings);
        bench
            .until("two more tries", |bench| tries(bench) >= before + 2)
            .await;
        assert_eq!((bench.settled(), receiver.records().len()), (0, 0));
    }
    let right = with(&format!(", {}", showing(files.client())));
    assert!(check(&right).await.detail().is_some(), "it would do");
    bench.settings.send_replace(right);
    bench.until("delivered", |bench| bench.settled() == 20).await;
    assert_eq!(bench.health.blocked(), None);
    assert_eq!(bench.close().await, Account::delivered(20));
    all_came(&receiver.wait_for(20).await, 20);
}
