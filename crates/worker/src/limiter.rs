//! The platform's rate limit bindings, one for each [`Class`].
//!
//! A deployment may not have them: then there are no rate limits, and the isolate logs that once. If counting fails,
//! the request is allowed too. Rate limits only restrict how often a caller may do something; authorization is decided
//! elsewhere.

use counterfoil_api::Class;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{Env, wasm_bindgen_futures::JsFuture};

#[wasm_bindgen]
extern "C" {
    /// A binding. In local development it is an instance of no class that workers-rs knows.
    type RateLimit;

    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimit, options: &JsValue) -> Result<Promise, JsValue>;
}

/// The bindings of one isolate.
#[derive(Clone)]
pub(crate) struct Limiter(JsValue);

impl Limiter {
    pub(crate) fn new(env: &Env) -> Self {
        let env: &JsValue = env.as_ref();
        Self(env.clone())
    }

    /// Logs which classes have no rate limit, if any.
    pub(crate) fn log_missing(&self) {
        let missing = Class::ALL.into_iter().filter(|class| self.binding(*class).is_none());
        let missing: Vec<_> = missing.map(Class::name).collect();
        if !missing.is_empty() {
            let begin = r#"{"level":"warn","code":"NO_RATE_LIMITS","detail":"These rate limits have no binding, so nothing is counted for them. Declare them in wrangler.toml: "#;
            worker::console_warn!("{begin}{}.\"}}", missing.join(", "));
        }
    }

    /// Counts one request of this class and key, and returns whether it is within the limit.
    pub(crate) async fn allows(&self, class: Class, key: &str) -> bool {
        let Some(binding) = self.binding(class) else { return true };
        count(&binding, key).await.unwrap_or_else(|error| {
            worker::console_warn!("the rate limit {} failed: {error:?}", class.name());
            true
        })
    }

    fn binding(&self, class: Class) -> Option<RateLimit> {
        let binding = Reflect::get(&self.0, &class.name().into()).ok()?;
        (!binding.is_undefined()).then(|| binding.unchecked_into())
    }
}

async fn count(binding: &RateLimit, key: &str) -> Result<bool, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &key.into())?;
    let outcome = JsFuture::from(binding.limit(&options)?).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}
