//! `fn settings` of the impl.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::changed::changed;
use crate::input::{Millis, Retry, Settings};

/// `fn settings(&self) -> Settings<Self> { Settings::default().workers(..) }`; nothing for the defaults.
pub(super) fn settings(krate: &Path, settings: &Settings<'_>) -> Option<TokenStream> {
    // Each by its name, so that the compiler lists this place for a new one.
    let Settings {
        workers,
        timeout,
        retry,
        resync,
        when,
        changed: part,
    } = settings;
    let workers = workers.map(|workers| quote!(.workers(#workers)));
    let timeout = timeout.map(|timeout| {
        let timeout = duration(krate, timeout);
        quote!(.timeout(#timeout))
    });
    let retry = retry.as_ref().map(|values| {
        let retry = retry_of(krate, values);
        quote!(.retry(#retry))
    });
    let resync = resync.map(|interval| {
        let interval = duration(krate, interval);
        quote!(.resync(#interval))
    });
    let when = when.map(|when| quote!(.when(#when)));
    let changed = part.as_ref().map(|part| changed(krate, part));
    let calls = quote!(#workers #timeout #retry #resync #when);
    (!calls.is_empty() || changed.is_some()).then(|| {
        quote! {
            fn settings(&self) -> #krate::Settings<Self> {
                let __kubehandler_settings =
                    <#krate::Settings<Self> as #krate::__private::Default>::default() #calls;
                #changed
                __kubehandler_settings
            }
        }
    })
}

/// `Duration::from_millis(30_000)`
fn duration(krate: &Path, Millis(millis): Millis) -> TokenStream {
    quote!(#krate::__private::Duration::from_millis(#millis))
}

/// `Retry::default().max(12).base(..).cap(..).delete_deadline(..)`
fn retry_of(krate: &Path, values: &Retry) -> TokenStream {
    let Retry {
        max,
        base,
        cap,
        delete_deadline,
    } = values;
    let max = max.map(|max| quote!(.max(#max)));
    let base = base.map(|base| {
        let base = duration(krate, base);
        quote!(.base(#base))
    });
    let cap = cap.map(|cap| {
        let cap = duration(krate, cap);
        quote!(.cap(#cap))
    });
    let delete_deadline = delete_deadline.map(|deadline| {
        let deadline = duration(krate, deadline);
        quote!(.delete_deadline(#deadline))
    });
    quote!(<#krate::Retry as #krate::__private::Default>::default() #max #base #cap #delete_deadline)
}
