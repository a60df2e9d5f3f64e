//! Tokens of lists that go on.
#![no_main]

use http::Method;
use kubehandler_apiserver_fuzz::{MAPS, ask, encode};

libfuzzer_sys::fuzz_target!(|token: &[u8]| {
    ask(Method::GET, &format!("{MAPS}?limit=1&continue={}", encode(token)), "", b"");
});
