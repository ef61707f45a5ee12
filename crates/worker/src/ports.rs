//! The ports of the API, implemented by the platform's bindings.

use std::{future::Future, time::Duration};

use counterfoil_api::{
    Claims, Class, Description, IdentityProviderError, IdentityToken, Keys, LogEvent, Ports, Redemption, Told,
    Unreachable,
};
use counterfoil_protocol::WebAddress;
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{RegistryKey, Timestamp};
use futures_util::future::join_all;
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use web_sys::{RequestInit, Response};
use worker::{Delay, Env, ObjectNamespace, kv::KvStore, send::SendFuture, wasm_bindgen_futures::JsFuture};

use crate::{
    http::whole,
    identity,
    limiter::Limiter,
    platform::{DIRECTORY, LEDGER, now, random, within},
};

/// The timeout of a ledger. An object that trapped may never answer.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of the registry.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a location caches what it read from the registry, in seconds: the platform's minimum.
const REGISTRY_CACHE: u64 = 30;

/// The bindings of one isolate.
#[derive(Clone)]
pub(crate) struct WorkerPorts {
    ledgers: ObjectNamespace,
    registry: KvStore,
    limiter: Limiter,
}

impl WorkerPorts {
    pub(crate) fn new(env: &Env) -> worker::Result<Self> {
        Ok(Self { ledgers: env.durable_object("LEDGER")?, registry: env.kv("REGISTRY")?, limiter: Limiter::new(env) })
    }

    /// Logs once for each isolate which optional bindings the deployment lacks.
    pub(crate) fn log_missing(&self) {
        self.limiter.log_missing();
    }

    async fn call(&self, name: String, url: &'static str, request: Vec<u8>) -> Result<Vec<u8>, Unreachable> {
        let call = async {
            let object: Object = self.ledgers.id_from_name(&name)?.get_stub()?.into_rpc();
            let init = RequestInit::new();
            init.set_method("POST");
            init.set_body(&js_sys::Uint8Array::from(request.as_slice()).into());
            let response: Response = JsFuture::from(object.fetch(url, &init)?).await?.unchecked_into();
            match response.status() {
                200 => whole(response.array_buffer()?).await,
                status => Err(worker::Error::RustError(format!("the object responded with {status}"))),
            }
        };
        within(LEDGER_TIMEOUT, call).await
    }
}

#[wasm_bindgen]
extern "C" {
    /// The stub of an object. With the stub of `worker`, each call would also create a request object and a stream.
    type Object;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Object, url: &str, init: &RequestInit) -> Result<js_sys::Promise, JsValue>;
}

impl Ports for WorkerPorts {
    fn now(&self) -> Timestamp {
        now()
    }

    fn random(&self, bytes: &mut [u8]) {
        random(bytes);
    }

    fn ledger(
        &self,
        workspace: WorkspaceKey,
        request: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send {
        // A ledger is addressed by its workspace's key, which is part of every token value.
        SendFuture::new(self.call(format!("ledger/{}", workspace.as_str()), LEDGER, request))
    }

    fn directory(&self, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send {
        SendFuture::new(self.call("directory".to_owned(), DIRECTORY, request))
    }

    fn registry(&self, keys: &[RegistryKey]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Unreachable>> + Send {
        let read = |key: &RegistryKey| self.registry.get(&key.path()).cache_ttl(REGISTRY_CACHE).bytes();
        let reads = join_all(keys.iter().map(read).collect::<Vec<_>>());
        SendFuture::new(within(REGISTRY_TIMEOUT, async { reads.await.into_iter().collect::<Result<_, _>>() }))
    }

    fn describe(
        &self,
        issuer: &WebAddress,
    ) -> impl Future<Output = Result<Told<Description>, IdentityProviderError>> + Send {
        SendFuture::new(identity::describe(issuer.clone()))
    }

    fn keys(&self, jwks_uri: &WebAddress) -> impl Future<Output = Result<Told<Keys>, IdentityProviderError>> + Send {
        SendFuture::new(identity::keys(jwks_uri.clone()))
    }

    fn redeem(&self, code: &Redemption) -> impl Future<Output = Result<String, IdentityProviderError>> + Send {
        SendFuture::new(identity::redeem(code.clone()))
    }

    fn identify(&self, token: &IdentityToken) -> impl Future<Output = Result<Claims, IdentityProviderError>> + Send {
        SendFuture::new(identity::identify(token.clone()))
    }

    fn limit(&self, class: Class, key: &str) -> impl Future<Output = bool> + Send {
        let (limiter, key) = (self.limiter.clone(), key.to_owned());
        SendFuture::new(async move { limiter.allows(class, &key).await })
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + Send {
        SendFuture::new(Delay::from(Duration::from_millis(milliseconds)))
    }

    fn log(&self, event: &LogEvent) {
        // Structs of strings and numbers always serialize.
        let line = serde_json::to_string(event).unwrap_or_default();
        match event {
            LogEvent::Answered(_) => worker::console_log!("{line}"),
            LogEvent::UsesLost(_) | LogEvent::CutOff(_) => worker::console_error!("{line}"),
        }
    }
}
