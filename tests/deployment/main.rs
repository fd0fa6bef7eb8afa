//! The files under `deploy/`, the compose file and the documents: no container runs here, so what can be checked without
//! one is.

#[path = "../support/mod.rs"]
mod support;

mod files; // reading them
mod prometheus; // alert rules
mod dashboard; // the Grafana dashboard
mod compose; // the compose file and example configurations
mod documents; // links and error pages
mod elastic; // the index template for Elasticsearch
