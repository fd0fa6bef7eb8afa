//! The metadata service of a machine, and that of App Service and Container Apps.

use axum::body::Body;
use axum::http::{Request, Response};
use serde_json::{Value, json};

use super::{HEADER, Parameters, Refusal, SharedState, State};

pub async fn virtual_machine(shared: SharedState, request: Request<Body>) -> Response<Body> {
    let has_header = request
        .headers()
        .get("metadata")
        .is_some_and(|value| value == "true");
    answer(&shared, &request, has_header)
}

pub async fn app_service(shared: SharedState, request: Request<Body>) -> Response<Body> {
    let header = request.headers().get("x-identity-header");
    let is_known = header.is_some_and(|value| value == HEADER);
    answer(&shared, &request, is_known)
}

fn answer(shared: &SharedState, request: &Request<Body>, is_known: bool) -> Response<Body> {
    let query = Parameters::of(request.uri().query().unwrap_or_default());
    let mut state = shared.lock().expect("it is not poisoned");
    let outcome = state.lend(&query, is_known);
    state.answer(outcome)
}

impl State {
    fn lend(&mut self, query: &Parameters, is_known: bool) -> Result<Value, Refusal> {
        self.hear(query.get("resource"))?;
        let refuse = |status, text: &str| Refusal {
            body: json!({ "error": "invalid_request", "error_description": text }),
            ..Refusal::status(status)
        };
        if !is_known {
            return Err(refuse(400, "Required metadata header not specified"));
        }
        if query.get("api-version") != "2019-08-01" {
            return Err(refuse(400, "api-version is not supported"));
        }
        let names = ["client_id", "object_id", "msi_res_id"];
        let named = names
            .into_iter()
            .find(|name| !query.get(name).is_empty())
            .unwrap_or("");
        let id = query.get(named);
        let is_assigned = self.identities.contains(&(named, id));
        if !is_assigned {
            return Err(refuse(400, "Identity not found"));
        }
        let token = self.make(query.get("resource"));
        let expires_on = (self.now_seconds() + self.lifetime_seconds).to_string();
        Ok(json!({
            "access_token": token,
            "expires_on": expires_on,
            "resource": query.get("resource"),
            "token_type": "Bearer",
        }))
    }
}
