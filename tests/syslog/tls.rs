//! Whom the target trusts, and who trusts it.

use std::path::Path;

use hub2siem::config::tls_pinned::CertificateFingerprint;
use hub2siem::deliver::syslog::{Settings, check};
use hub2siem::telemetry::health::BlockReason;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::bench::{Bench, settings};
use super::peers::{Certificates, Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};
use super::stage::Account;

const WINDOW: &str = "settle_window: 200ms";

/// Settings that only `tls` is to be said of.
fn with(port: u16, tls: String) -> Settings {
    settings(port, format!("{WINDOW}\ntls: {{ {tls} }}"))
}

fn ca(certificates: &Certificates) -> String {
    format!("ca_file: '{}'", certificates.ca().display())
}

fn fingerprint(certificate: &Path) -> String {
    let certificate = CertificateDer::from_pem_file(certificate).expect("it is a certificate");
    CertificateFingerprint::of(&certificate).to_string()
}

/// Sends records to a receiver that is not trusted by `wrong`, or does not trust it; then a reload brings `right`.
async fn blocked_then_mended(wrong: Settings, right: Settings, expected: &str) {
    let finding = check(&wrong).await;
    let problem = finding.failure().expect("it would not work");
    assert!(problem.cause.contains(expected), "{}", problem.cause);
    let mut bench = Bench::start(wrong);
    bench.stage.send(30).await;
    bench
        .stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = bench.stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Tls, "{}", blocked.detail);
    assert!(blocked.detail.contains(expected), "{}", blocked.detail);
    assert_eq!(bench.stage.settled(), 0);
    assert!(check(&right).await.detail().is_some(), "it would work");
    bench.settings.send_replace(right);
    bench.delivered(30).await;
    assert_eq!(bench.stage.health.blocked(), None);
    assert_eq!(bench.stage.close().await, Account::delivered(30));
}

/// Scenario: both receivers show a certificate for another name, one of an unknown authority, and one with another fingerprint
/// than was written down; each time the settings are mended by a reload.
/// Guarantees: the target is blocked and says why, nothing settles, and it goes on by itself once that is mended.
#[tokio::test]
async fn a_receiver_that_is_not_the_right_one_gets_nothing() {
    let Some(packages) = packages("certificates of receivers").await else {
        return;
    };
    let rsyslog_options = rsyslog::Options::new(Transport::Tls);
    let rsyslog = Rsyslog::start(&packages, &rsyslog_options).await;
    let syslog_ng_options = syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tls);
    let syslog_ng = SyslogNg::start(&packages, &syslog_ng_options).await;
    let other = Certificates::new("localhost");
    for (port, certificates) in [
        (rsyslog.address().port(), rsyslog_options.certificates),
        (syslog_ng.address().port(), syslog_ng_options.certificates),
    ] {
        let certificates = certificates.expect("TLS needs certificates");
        let right = || with(port, ca(&certificates));
        let named = with(
            port,
            format!("{}, server_name: elsewhere.test", ca(&certificates)),
        );
        blocked_then_mended(named, right(), "not valid for name").await;
        blocked_then_mended(with(port, ca(&other)), right(), "invalid peer certificate").await;
        let pinned = |path: &Path| format!("fingerprints: '{}'", fingerprint(path));
        let (wrong, own) = (pinned(&other.server().0), pinned(&certificates.server().0));
        let both = |pin: &str| with(port, format!("{}, {pin}", ca(&certificates)));
        blocked_then_mended(both(&wrong), both(&own), "fingerprint").await;
        let only = |pin: &str| with(port, format!("verify: false, {pin}"));
        blocked_then_mended(only(&wrong), only(&own), "fingerprint").await;
    }
    assert_eq!(rsyslog.wait_for(120).await.len(), 120);
    assert_eq!(syslog_ng.wait_for(120).await.len(), 120);
}

/// Scenario: both receivers demand a client certificate; the target has none, then a reload brings it.
/// Guarantees: the same.
#[tokio::test]
async fn a_client_certificate_that_is_demanded_is_shown() {
    let Some(packages) = packages("client certificates").await else {
        return;
    };
    let rsyslog_options = rsyslog::Options {
        wants_client_certificate: true,
        ..rsyslog::Options::new(Transport::Tls)
    };
    let rsyslog = Rsyslog::start(&packages, &rsyslog_options).await;
    let syslog_ng_options = syslog_ng::Options {
        wants_client_certificate: true,
        ..syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tls)
    };
    let syslog_ng = SyslogNg::start(&packages, &syslog_ng_options).await;
    for (port, certificates) in [
        (rsyslog.address().port(), rsyslog_options.certificates),
        (syslog_ng.address().port(), syslog_ng_options.certificates),
    ] {
        let certificates = certificates.expect("TLS needs certificates");
        let (certificate, key) = certificates.client();
        let own = format!(
            "client_certificate: {{ certificate_file: '{}', key_file: '{}' }}",
            certificate.display(),
            key.display()
        );
        let right = with(port, format!("{}, {own}", ca(&certificates)));
        blocked_then_mended(with(port, ca(&certificates)), right, "refused").await;
    }
    assert_eq!(rsyslog.wait_for(30).await.len(), 30);
    assert_eq!(syslog_ng.wait_for(30).await.len(), 30);
}
