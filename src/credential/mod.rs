//! Tokens of Microsoft Entra ID, from the one credential that the configuration names; hub and targets share it.
//!
//! Deliberately absent: a chain of credentials that are tried in turn. What is configured is used, or its failure is told.

pub mod config; // the sections `credential` and `cloud` as written
pub mod cloud; // where each cloud has its services
pub mod kind; // who we are
pub mod settings; // the credential as it is trusted
pub mod token_source; // tokens, kept and renewed
pub mod failure; // why there is no token, and what to do

mod claims; // whose a token is
mod held; // one token and its times
mod identity; // the credential of the Azure crate
mod assertion; // what an application shows in place of a secret
mod certificate; // a certificate and the signatures of its key
mod hints; // what an operator can do about a refusal
mod transport; // requests to those who give tokens
mod clock_skew; // how far the machine's clock is off
mod host; // the kind of machine that a managed identity runs on
mod azure_cli; // runs `az`

pub use claims::owner;
pub use cloud::{Audience, Cloud};
pub use failure::{Failure, Reason};
pub use held::AccessToken;
pub use kind::Kind;
pub use settings::Settings;
pub use token_source::TokenSource;
