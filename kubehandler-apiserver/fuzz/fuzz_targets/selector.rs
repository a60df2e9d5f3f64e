//! Selectors of labels and of fields.
#![no_main]

use http::Method;
use kubehandler_apiserver_fuzz::{MAPS, ask, encode};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let text = encode(text);
    ask(Method::GET, &format!("{MAPS}?labelSelector={text}"), "", b"");
    ask(Method::GET, &format!("{MAPS}?fieldSelector={text}"), "", b"");
});
