//! A deployment as its callers see it. Every response in any test is checked for what holds for all responses.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{Router, body::Body, response::Response};
use counterfoil_api::{
    App, BackgroundWork, Config, LogLine, Settings, Upgrade, codes,
    openapi::{self, Operation},
    router,
};
use counterfoil_token::Digest;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, request::Builder};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

#[cfg(test)]
use crate::prose;
use crate::world::{Asked, CLIENT_SECRETS, SEAL_SECRETS, SESSION_SECRETS, SNAPSHOT_KEYS, World};

/// The deployment's root token.
pub(crate) const ROOT: &str = "the-root-token-of-all-these-tests";

/// The deployment's origin.
pub(crate) const ORIGIN: &str = "https://counterfoil.example";

/// The paths whose responses have their own formats: dialects and standards.
const DIALECTS: &[&str] = &["/api/2.0/", "/api/v1/users/", "/tokens/", "/v1/api-tokens", "/authorize", "/oauth/"];

/// The session cookie.
pub(crate) const COOKIE: &str = "__Host-counterfoil";

/// A world and one isolate in it.
pub(crate) struct Deployment {
    pub(crate) world: World,
    router: Router,
    /// The background work of requests that were answered.
    background: Mutex<Vec<BoxFuture<'static, ()>>>,
    /// The WebSocket that was granted last.
    upgrade: Mutex<Option<Upgrade<World>>>,
    /// Every token value that was issued or presented: no log line may contain one. Isolates of one world share them.
    secrets: Arc<Mutex<BTreeSet<String>>>,
}

/// A request under construction.
pub(crate) struct Call<'a> {
    deployment: &'a Deployment,
    request: Builder,
    body: Body,
}

/// A request that was sent, and that may not be answered yet.
pub(crate) struct Underway<'a> {
    deployment: &'a Deployment,
    response: BoxFuture<'static, Result<Response, Infallible>>,
    method: String,
    is_native: bool,
    /// How often it has queried the world so far.
    asked: Asked,
    began_at: counterfoil_verify::Timestamp,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// Whether the body ended properly; otherwise it was cut off.
    pub(crate) is_whole: bool,
    /// The body, if it is JSON.
    pub(crate) body: Value,
    pub(crate) line: LogLine,
}

/// A workspace with the token of its first admin.
pub(crate) struct Tenant {
    pub(crate) key: String,
    pub(crate) admin: String,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        Self::of(World::new(), Arc::default())
    }

    /// Another isolate in the same world. The background work of each proceeds independently.
    pub(crate) fn another(&self) -> Self {
        Self::of(self.world.clone(), Arc::clone(&self.secrets))
    }

    fn of(world: World, secrets: Arc<Mutex<BTreeSet<String>>>) -> Self {
        Self { router: isolate(&world), world, background: Mutex::default(), upgrade: Mutex::default(), secrets }
    }

    /// Lets time pass, and background work proceed, second by second.
    pub(crate) fn let_pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.world.pass(1_000);
            self.run_background();
        }
    }

    /// The WebSocket that was granted last.
    pub(crate) fn granted(&self) -> Option<Upgrade<World>> {
        self.upgrade.lock().unwrap().take()
    }

    /// Runs work in the background.
    pub(crate) fn add_background(&self, background: BackgroundWork<World>) {
        self.background.lock().unwrap().push(background.run());
    }

    fn run_background(&self) {
        self.background.lock().unwrap().retain_mut(|work| work.now_or_never().is_none());
    }

    /// The isolate ends, and its background work with it.
    pub(crate) fn crash(&mut self) {
        self.background.lock().unwrap().clear();
        self.forget();
    }

    /// Continues in a new isolate with empty caches.
    pub(crate) fn forget(&mut self) {
        self.router = isolate(&self.world);
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(format!("{ORIGIN}{path}"));
        Call { deployment: self, request, body: Body::empty() }
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Reply {
        self.call("GET", path).bearer(token).send()
    }

    pub(crate) fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.call("POST", path).bearer(token).json(body).send()
    }

    pub(crate) fn delete(&self, token: &str, path: &str) -> Reply {
        self.call("DELETE", path).bearer(token).send()
    }

    /// A new workspace with the scopes `orders:read` and `orders:write`.
    pub(crate) fn workspace(&self, slug: &str) -> Tenant {
        let created = self.post(ROOT, "/v1/workspaces", &json!({ "slug": slug, "name": slug })).expect(201);
        let tenant = Tenant { key: text(&created, "/workspace/key"), admin: text(&created, "/token/token") };
        let scope = |name: &str| json!({ "name": name, "description": name });
        let catalogue = json!({ "scopes": [scope("orders:read"), scope("orders:write")] });
        self.call("PUT", "/v1/scopes").bearer(&tenant.admin).json(&catalogue).send().expect(200);
        tenant
    }

    /// Creates a token and returns the response with its value.
    pub(crate) fn issue(&self, by: &str, body: &Value) -> Value {
        self.post(by, "/v1/tokens", body).expect(201)
    }

    /// Creates a token with these scopes and returns its value.
    pub(crate) fn token(&self, by: &str, scopes: &[&str]) -> String {
        text(&self.issue(by, &json!({ "name": "", "scopes": scopes })), "/token")
    }

    /// Lets a workspace's members sign in through this provider, which publishes a discovery document.
    pub(crate) fn let_sign_in(&self, tenant: &Tenant, provider: &Value) {
        let issuer = text(provider, "/issuer");
        let described = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        });
        let described = serde_json::from_value(described).unwrap();
        self.world.inside().providers.descriptions.insert(issuer, described);
        let providers = json!({ "identity_providers": [provider] });
        self.call("PATCH", "/v1/workspace").bearer(&tenant.admin).json(&providers).send().expect(200);
    }

    /// Opens a session, and returns its value and the response.
    pub(crate) fn session(&self, by: &str) -> (String, Value) {
        let reply = self.call("POST", "/v1/session").bearer(by).send();
        let cookie = reply.header("set-cookie").unwrap().split_once(';').unwrap().0;
        let text = cookie.strip_prefix(COOKIE).unwrap().strip_prefix('=').unwrap().to_owned();
        self.add_secret(&text);
        (text, reply.expect(201))
    }
}

impl<'a> Call<'a> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.deployment.add_secret(token);
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The session cookie alone, as a browser sends it with any request.
    pub(crate) fn cookie(self, text: &str) -> Self {
        self.deployment.add_secret(text);
        self.header("cookie", format!("{COOKIE}={text}"))
    }

    /// The session cookie, as a page of the deployment's own origin sends it.
    pub(crate) fn session(self, text: &str) -> Self {
        self.cookie(text).header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.content("application/json", body.to_string())
    }

    pub(crate) fn content(self, content_type: &str, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self.header("content-type", content_type) }
    }

    /// A body without a `Content-Type`.
    pub(crate) fn raw(self, body: &'static str) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sends the request, and checks the response for what holds for all responses.
    pub(crate) fn send(self) -> Reply {
        self.begin().finish()
    }

    /// Sends the request without waiting for the response. It starts when the response is first polled.
    pub(crate) fn begin(self) -> Underway<'a> {
        let Self { deployment, request, body } = self;
        deployment.begin(request.body(body).unwrap())
    }
}

impl Underway<'_> {
    /// The response, if it has arrived: checked for what holds for all responses.
    pub(crate) fn answer(&mut self) -> Option<Reply> {
        let Self { deployment, response, method, is_native, asked, began_at } = self;
        // In separate statements: two guards in one expression would deadlock.
        let before = deployment.world.inside().asked;
        let logged = deployment.world.inside().log.len();
        let response = response.now_or_never();
        let inside = deployment.world.inside();
        asked.ledgers += inside.asked.ledgers - before.ledgers;
        asked.directory += inside.asked.directory - before.directory;
        asked.registry += inside.asked.registry - before.registry;
        let lines = inside.log[logged..].to_vec();
        drop(inside);

        let Some(response) = response else {
            assert_eq!(lines, [], "logged before the response");
            return None;
        };
        let (mut parts, body) = response.unwrap().into_parts();
        let background = parts.extensions.remove::<BackgroundWork<World>>();
        if let Some(upgrade) = parts.extensions.remove::<Upgrade<World>>() {
            deployment.upgrade.lock().unwrap().replace(upgrade);
        }
        let (bytes, is_whole) = received(body);
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let [line] = &lines[..] else { panic!("one request, one log line: {lines:?}") };
        let reply =
            Reply { status: parts.status.as_u16(), headers: parts.headers, bytes, is_whole, body, line: line.clone() };
        let inside = deployment.world.inside();
        let waited = inside.now.since(*began_at);
        let took = if inside.requests_wait { waited } else { u64::from(asked.ledgers) * inside.ledger_takes };
        drop(inside);
        reply.check_every_response(*asked, took);
        if *is_native {
            reply.check_native_response(method);
            reply.check_documented(method);
        }
        deployment.collect_secrets(&reply.body);
        deployment.check_log_has_no_secret(&reply.line);
        deployment.background.lock().unwrap().extend(background.map(BackgroundWork::run));
        deployment.run_background();
        Some(reply)
    }

    /// The response. Time passes only while it is awaited.
    pub(crate) fn finish(mut self) -> Reply {
        loop {
            if let Some(reply) = self.answer() {
                return reply;
            }
            self.deployment.world.pass_until_next_alarm();
            self.deployment.run_background();
        }
    }
}

impl Deployment {
    /// Sends a request, and checks the response for what holds for all responses.
    pub(crate) fn send(&self, request: Request<Body>) -> Reply {
        self.begin(request).finish()
    }

    fn begin(&self, request: Request<Body>) -> Underway<'_> {
        let method = request.method().to_string();
        let path = request.uri().path();
        // Messages to the root are for softvisio's dialect: each names its method.
        let is_message = path == "/" && (method == "POST" || request.headers().contains_key("upgrade"));
        let is_question = request.headers().contains_key("x-counterfoil-gateway");
        let is_native = !DIALECTS.iter().any(|prefix| path.starts_with(prefix)) && !is_message && !is_question;
        let response = Box::pin(self.router.clone().oneshot(request));
        Underway {
            deployment: self,
            response,
            method,
            is_native,
            asked: Asked::default(),
            began_at: self.world.inside().now,
        }
    }

    /// Collects the token values in a response.
    fn collect_secrets(&self, body: &Value) {
        let texts = ["/token", "/token/token", "/token_value", "/body/token", "/result/data/token"]
            .into_iter()
            .filter_map(|pointer| body.pointer(pointer)?.as_str());
        texts.for_each(|text| self.add_secret(text));
    }

    fn add_secret(&self, text: &str) {
        self.secrets.lock().unwrap().insert(text.to_owned());
    }

    pub(crate) fn check_log_has_no_secret(&self, line: &LogLine) {
        let line = serde_json::to_string(line).unwrap();
        for secret in self.secrets.lock().unwrap().iter().filter(|secret| secret.len() >= 16) {
            // Nor the secret part: the 24 characters before the authentication tag and the checksum.
            let body = secret.len().checked_sub(36).and_then(|start| secret.get(start..start + 24));
            assert!(!line.contains(secret), "the log holds a credential: {line}");
            assert!(!body.is_some_and(|body| line.contains(body)), "the log holds a token's secret: {line}");
        }
    }
}

impl Reply {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The code of a problem with this status.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    fn check_every_response(&self, asked: Asked, took: u64) {
        let Self { status, line, .. } = self;
        assert_eq!(self.header("x-request-id"), Some(&*line.request_id));
        let may_be_kept = line.route.as_deref() == Some("/v1/snapshot") && [200, 304].contains(status);
        assert_eq!(self.header("cache-control"), Some(if may_be_kept { "private, no-cache" } else { "no-store" }));
        assert!(self.is_whole || may_be_kept);
        assert_eq!(line.status, *status);
        assert_eq!(line.ledger_calls, asked.ledgers + asked.directory, "the log's counts match the world's: {line:?}");
        assert_eq!(line.registry_reads, asked.registry, "the log's counts match the world's: {line:?}");
        // Time stands still, except for requests that wait and for slow ledgers. A response reports how long it waited,
        // except that of parcelLab's revocation.
        let is_told = self.body["waited"]["ms"].as_u64();
        if !(line.route.as_deref() == Some("/tokens/revoke") && *status == 200) {
            assert_eq!(line.duration_ms, is_told.unwrap_or(took), "the logged duration matches: {line:?}");
        }
        // A browser whose sign-in failed is redirected to the console, with the code.
        let told = self.header("location").and_then(|location| location.split_once("failed=")).map(|(_, code)| code);
        if told.is_some() {
            assert_eq!(line.code, told);
        }
        let of_code = line.code.filter(|_| told.is_some()).and_then(codes::meaning);
        let failed = *status >= 500 || of_code.is_some_and(|meaning| meaning.statuses[0] >= 500);
        assert_eq!(line.level, if failed { "error" } else { "info" });
        let has_reason = failed || line.code == Some("SIGN_IN_FAILED");
        assert_eq!(line.detail.is_some(), has_reason, "the log has the reason of each failure: {line:?}");
        assert_eq!(line.code.is_some(), *status >= 400 || told.is_some());
        if let Some(code) = line.code {
            assert!(codes::meaning(code).is_some(), "{code} is not in the table of codes");
        }
    }

    #[track_caller]
    fn check_native_response(&self, method: &str) {
        let Self { status, line, body, .. } = self;
        let is_known =
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"].contains(&method);
        assert_eq!(
            line.method,
            if is_known { method } else { "other" },
            "unknown methods are not logged: they may be a secret"
        );
        // A fuzzer's requests put words of their own into what is quoted back to them.
        #[cfg(test)]
        prose::check_answer(body);
        if *status < 400 {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self.check_challenge(line.code.unwrap());
        assert_eq!(self.header("allow").is_some(), *status == 405);
        assert_eq!(self.header("retry-after").is_some(), *status == 503 || *status == 429);
        if method == "HEAD" {
            assert!(self.bytes.is_empty());
            return;
        }
        let code = line.code.unwrap();
        let meaning = codes::meaning(code).unwrap_or_else(|| panic!("{code} is not in the table of codes"));
        assert!(meaning.statuses.contains(status), "the table has no status {status} for {code}");
        assert_eq!(body["type"], format!("/docs/errors#{code}"));
        assert_eq!(body["title"].as_str().unwrap().to_uppercase().replace(' ', "_"), code);
        assert_eq!(body["status"], *status);
        assert_eq!(body["code"], line.code.unwrap());
        assert_eq!(body["request_id"], *line.request_id);
        assert!(body["detail"].is_string(), "{body}");
        let known = ["type", "title", "status", "code", "detail", "pointer", "items", "request_id"];
        assert!(body.as_object().unwrap().keys().all(|member| known.contains(&&**member)), "{body}");
        if let Some(internal) = &line.detail {
            assert!(!body.to_string().contains(internal), "the internal detail is for the log only: {body}");
        }
    }
}

impl Reply {
    /// The challenge of RFC 6750, section 3: the error, none if no token was presented, and the required scopes. These
    /// are omitted only if the header would be so long that proxies reject it.
    #[track_caller]
    fn check_challenge(&self, code: &str) {
        let challenge = self.header("www-authenticate");
        let bearer = |error: &str| Some(format!(r#"Bearer realm="counterfoil"{error}"#));
        let expected = match (self.status, code) {
            (401, "NO_CREDENTIAL") => bearer(""),
            (401, _) => bearer(r#", error="invalid_token""#),
            (403, "INSUFFICIENT_SCOPE") => {
                let begin = r#"Bearer realm="counterfoil", error="insufficient_scope""#;
                let said = challenge.and_then(|challenge| challenge.strip_prefix(begin)).unwrap();
                let scope = said.strip_prefix(r#", scope=""#).and_then(|said| said.strip_suffix('"'));
                assert!(scope.is_none_or(|scope| (1..=1024).contains(&scope.len())), "{said}");
                assert!(
                    scope.is_some() || (said.is_empty() && self.bytes.len() > 1024),
                    "no scope is named: {}",
                    self.body
                );
                return;
            }
            _ => None,
        };
        assert_eq!(challenge, expected.as_deref());
    }

    /// The OpenAPI document has this response: its status and, if it is a problem, its code.
    #[track_caller]
    fn check_documented(&self, method: &str) {
        static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(openapi::operations);
        let Self { status, line, .. } = self;
        if method == "OPTIONS" && *status == 204 {
            return;
        }
        let Some(route) = line.route.as_deref() else { return assert_eq!(*status, 404) };
        let method = if method == "HEAD" { "GET" } else { method };
        let is_asked = |operation: &&Operation| (operation.method, operation.path) == (method, route);
        let Some(operation) = OPERATIONS.iter().find(is_asked) else {
            assert_eq!(*status, 405, "{method} {route} is not described");
            return;
        };
        match line.code.filter(|_| *status >= 400) {
            None => assert!(operation.statuses().contains(status), "{method} {route} is not described with {status}"),
            Some(code) => assert!(operation.codes().contains(&code), "{method} {route} is not described with {code}"),
        }
    }
}

/// Reads a body, and whether it ends properly.
fn received(mut body: Body) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().now_or_never().unwrap() {
        match frame {
            Ok(frame) => bytes.extend(frame.into_data().unwrap()),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

fn isolate(world: &World) -> Router {
    let root = format!(r#"["{}"]"#, Digest::of(ROOT.as_bytes()));
    let settings = Settings {
        root_token_digests: &root,
        seal_secrets: SEAL_SECRETS,
        session_secrets: SESSION_SECRETS,
        snapshot_keys: SNAPSHOT_KEYS,
        client_secrets: CLIENT_SECRETS,
        private_providers: world.inside().private_providers,
    };
    router(App::new(world.clone(), Config::parse(&settings).unwrap()))
}

/// The string at a pointer.
#[track_caller]
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} of {value}")).to_owned()
}
