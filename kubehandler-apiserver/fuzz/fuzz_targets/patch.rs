//! Patches of both kinds.
#![no_main]

use http::Method;
use kubehandler_apiserver_fuzz::{MAP, ask};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    ask(Method::PATCH, MAP, "application/json-patch+json", body);
    ask(Method::PATCH, MAP, "application/merge-patch+json", body);
});
