//! Paths and queries as they come.
#![no_main]

use http::Method;
use kubehandler_apiserver_fuzz::ask;

libfuzzer_sys::fuzz_target!(|uri: &str| ask(Method::GET, &format!("/{uri}"), "", b""));
