//! Bodies of objects and of delete options.
#![no_main]

use http::Method;
use kubehandler_apiserver_fuzz::{MAP, MAPS, ask};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    ask(Method::POST, MAPS, "application/json", body);
    ask(Method::PUT, MAP, "application/json", body);
    ask(Method::DELETE, MAP, "application/json", body);
});
