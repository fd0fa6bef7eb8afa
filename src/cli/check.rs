//! `check`: every mistake of the configuration; with `--connect` also every peer, tried harmlessly.

use std::sync::Arc;

use super::ConfigArguments;
use super::exit::Failure;
use super::load;
use crate::config::{Configuration, TargetSettings};
use crate::deliver::{azure_monitor, elasticsearch, file, http, http_batch, kafka, relp, splunk_hec, syslog};
use crate::eventhub::HubSettings;
use crate::eventhub::probe::probe;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Also try the hub and every target. Nothing is written to a target, and an active reader is not disturbed.
    #[arg(long)]
    pub connect: bool,
}

/// One thing that was tried.
#[derive(Debug)]
struct Finding {
    what: String,
    result: Result<String, Problem>,
}

/// Why it would not work, and what to do.
#[derive(Debug)]
struct Problem {
    cause: String,
    fix: String,
}

/// Prints what was found; fails with 64 for a mistake in the files and 69 for a peer that would refuse.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    println!("{}: no mistakes", arguments.config.config.display());
    for target in &configuration.targets {
        println!(
            "  target {}: mapping {}, consumer group {}{}",
            target.name,
            target.mapping.name(),
            target.consumer_group,
            if target.is_given_up { ", given up" } else { "" }
        );
    }
    if !arguments.connect {
        return Ok(());
    }
    let findings = load::block_on(connect(&configuration))?;
    let failed = findings.iter().filter(|finding| finding.result.is_err()).count();
    for finding in &findings {
        match &finding.result {
            Ok(detail) => println!("ok      {}: {detail}", finding.what),
            Err(problem) => println!(
                "FAILED  {}: {}\n        fix: {}",
                finding.what, problem.cause, problem.fix
            ),
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Peer(anyhow::anyhow!(
            "{failed} of {} checks failed",
            findings.len()
        ))),
    }
}

async fn connect(configuration: &Configuration) -> Vec<Finding> {
    let mut findings = hub(configuration).await;
    for target in &configuration.targets {
        let what = format!("target {}", target.name);
        if target.is_given_up {
            // It is not asked for anything, and may no longer exist.
            findings.push(Finding {
                what,
                result: Ok("given up; its records go to the dead letters".to_owned()),
            });
            continue;
        }
        match &target.settings {
            TargetSettings::SplunkHec(settings) => findings.extend(splunk(what, settings).await),
            TargetSettings::Http(settings) => {
                let done = "can be reached; whether it takes records cannot be tried without one";
                findings.extend(by_http(what, done, http::check(settings).await));
            }
            TargetSettings::Elasticsearch(settings) => {
                let done = "answers bulk requests, and takes the credentials";
                findings.extend(by_http(what, done, elasticsearch::check(settings).await));
            }
            TargetSettings::AzureMonitor(settings) => {
                let problems = azure_monitor::check(settings, &configuration.hub.hub).await;
                findings.extend(by_http(what, "takes the token for every stream", problems));
            }
            TargetSettings::Syslog(settings) => {
                let result = syslog::check(settings).await;
                let result = result.map_err(|problem| Problem {
                    cause: problem.cause,
                    fix: problem.fix.to_owned(),
                });
                findings.push(Finding { what, result });
            }
            TargetSettings::Relp(settings) => findings.push(by_relp(what, settings).await),
            TargetSettings::Kafka(settings) => findings.extend(kafka(what, settings).await),
            TargetSettings::File(settings) => findings.push(file(what, settings)),
        }
    }
    findings
}

async fn splunk(what: String, settings: &splunk_hec::Settings) -> Vec<Finding> {
    let problems = splunk_hec::check(settings).await;
    if problems.is_empty() {
        return vec![Finding {
            what,
            result: Ok("healthy, and takes the token".to_owned()),
        }];
    }
    let finding = |problem: splunk_hec::check::Problem| Finding {
        what: format!("{what}, {}", problem.endpoint),
        result: Err(Problem {
            cause: problem.cause,
            fix: problem.fix.to_owned(),
        }),
    };
    problems.into_iter().map(finding).collect()
}

fn by_http(what: String, done: &str, problems: Vec<http_batch::check::Problem>) -> Vec<Finding> {
    if problems.is_empty() {
        let result = Ok(done.to_owned());
        return vec![Finding { what, result }];
    }
    let finding = |problem: http_batch::check::Problem| Finding {
        what: format!("{what}, {}", problem.endpoint),
        result: Err(Problem {
            cause: problem.cause,
            fix: problem.fix.to_owned(),
        }),
    };
    problems.into_iter().map(finding).collect()
}

async fn by_relp(what: String, settings: &relp::Settings) -> Finding {
    let result = relp::check(settings)
        .await
        .map(|software| match software.as_str() {
            "" => "opens a session and offers `syslog`; what it is it does not say".to_owned(),
            software => format!("opens a session and offers `syslog`; it is {software}"),
        });
    Finding {
        what: format!("{what}, {}", settings.address),
        result: result.map_err(|problem| Problem {
            cause: problem.cause,
            fix: problem.fix.to_owned(),
        }),
    }
}

async fn kafka(what: String, settings: &kafka::Settings) -> Vec<Finding> {
    let finding = |finding: kafka::check::Finding| Finding {
        what: match finding.topic {
            Some(topic) => format!("{what}, topic {topic}"),
            None => what.clone(),
        },
        result: match finding.result {
            Ok(found) => Ok(found.warnings.iter().fold(found.detail, |text, warning| {
                format!("{text}\n        warning: {warning}")
            })),
            Err(problem) => Err(Problem {
                cause: problem.cause,
                fix: problem.fix,
            }),
        },
    };
    kafka::check(settings).await.into_iter().map(finding).collect()
}

fn file(what: String, settings: &file::Settings) -> Finding {
    let result = file::check(settings).map(|()| "can be written".to_owned());
    Finding {
        what,
        result: result.map_err(|error| Problem {
            cause: crate::durable::retry::chain(&error),
            fix: "make the directory, and let the user of the bridge write there".to_owned(),
        }),
    }
}

/// Every consumer group on the way its reader would take; a group's findings end at its first failure.
async fn hub(configuration: &Configuration) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in configuration.groups() {
        let settings = HubSettings {
            consumer_group: Arc::clone(&group),
            ..configuration.hub.clone()
        };
        for found in probe(settings).await {
            let fix = found.hint().unwrap_or("see the cause").to_owned();
            findings.push(Finding {
                what: format!("hub, consumer group {group}: {}", found.stage),
                result: found.outcome.map_err(|end| Problem {
                    cause: end.to_string(),
                    fix,
                }),
            });
        }
    }
    findings
}
