//! The token endpoint, with the errors the real one gives.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::alg_id;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CLIENT, Parameters, Refusal, SharedState, State, TENANT, body};

/// What the one application of the tenant shows.
pub enum Application {
    Secret(String),
    /// A certificate (DER) and its public key.
    Certificate {
        certificate: Vec<u8>,
        public_key: Vec<u8>,
    },
    /// The token of a service account.
    Federated(String),
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub async fn token(
    shared: SharedState,
    Path(tenant): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let host = request.headers().get("host").cloned();
    let form = Parameters::of(&body(request).await);
    let host = host.and_then(|host| host.to_str().map(str::to_owned).ok());
    let address = format!("https://{}/{tenant}/oauth2/v2.0/token", host.unwrap_or_default());
    let answer = {
        let mut state = shared.lock().expect("it is not poisoned");
        let outcome = state.give(&tenant, &form, &address);
        (!state.is_silent).then(|| state.answer(outcome))
    };
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}

impl State {
    fn give(&mut self, tenant: &str, form: &Parameters, address: &str) -> Result<Value, Refusal> {
        self.hear(form.get("scope"))?;
        if tenant != TENANT {
            let text =
                format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
            return Err(Refusal::code(400, 90_002, &text));
        }
        if form.get("client_id") != CLIENT {
            return Err(Refusal::code(
                400,
                700_016,
                "Application was not found in the directory.",
            ));
        }
        if form.get("grant_type") != "client_credentials" {
            return Err(Refusal::code(400, 70_003, "The grant type is not supported."));
        }
        self.recognise(form, address)?;
        let Some(audience) = form.get("scope").strip_suffix("/.default") else {
            return Err(Refusal::code(
                400,
                1_002_012,
                "The provided value for scope is not valid.",
            ));
        };
        let token = self.make(audience);
        Ok(json!({ "token_type": "Bearer", "expires_in": self.lifetime_seconds, "access_token": token }))
    }

    fn recognise(&self, form: &Parameters, address: &str) -> Result<(), Refusal> {
        let assertion = form.get("client_assertion");
        if form.get("client_secret").is_empty() && form.get("client_assertion_type") != ASSERTION {
            return Err(Refusal::code(
                401,
                7_000_218,
                "The request body must contain a secret or an assertion.",
            ));
        }
        match &self.application {
            Application::Secret(secret) if form.get("client_secret") == secret => Ok(()),
            Application::Secret(_) => Err(Refusal::code(
                401,
                7_000_215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
            )),
            Application::Federated(expected) if assertion == expected => Ok(()),
            Application::Federated(_) => Err(Refusal::code(
                401,
                700_213,
                "No matching federated identity record found.",
            )),
            Application::Certificate {
                certificate,
                public_key,
            } => self.verify(assertion, certificate, public_key, address),
        }
    }

    fn verify(
        &self,
        assertion: &str,
        certificate: &[u8],
        public_key: &[u8],
        address: &str,
    ) -> Result<(), Refusal> {
        let invalid = || {
            Refusal::code(
                401,
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            )
        };
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(invalid)?;
        let (head, claims) = signed.split_once('.').ok_or_else(invalid)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid());
        let value = |text: &str| serde_json::from_slice::<Value>(&decode(text)?).map_err(|_| invalid());
        let (head, claims) = (value(head)?, value(claims)?);
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(certificate));
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let algorithm = algorithms.all.iter().find(|it| {
            it.signature_alg_id() == alg_id::RSA_PSS_SHA256
                && it.public_key_alg_id() == alg_id::RSA_ENCRYPTION
        });
        let verified = algorithm.expect("the provider knows it").verify_signature(
            public_key,
            signed.as_bytes(),
            &decode(signature)?,
        );
        let is_ours = head["alg"] == "PS256" && head["x5t#S256"] == thumbprint && verified.is_ok();
        let is_for_us = claims["aud"] == address && claims["iss"] == CLIENT && claims["sub"] == CLIENT;
        if !is_ours || !is_for_us {
            return Err(invalid());
        }
        let (now, number) = (self.now_seconds(), |name: &str| {
            claims[name].as_i64().unwrap_or(0)
        });
        match number("nbf") <= now + 300 && now < number("exp") {
            true => Ok(()),
            false => Err(Refusal::code(
                401,
                700_024,
                "Client assertion is not within its valid time range.",
            )),
        }
    }
}
