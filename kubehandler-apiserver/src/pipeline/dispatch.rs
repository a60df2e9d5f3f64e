//! The end of the pipeline: answers a request about objects by its verb, and any other by itself.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::{
    discovery,
    engine::Engine,
    failure::{Failure, PAGE_NOT_FOUND},
    faults::Fault,
    verbs::Call,
    wire::{
        reply::{self, Reply},
        request::Request,
        route::Route,
    },
};

/// Answers a request; `fault` is for what a watch sends.
pub(super) async fn answer(engine: &Arc<Engine>, request: Request, fault: Option<Fault>) -> Reply {
    let answered = match Call::read(&request, fault, engine) {
        Some(Ok(call)) => call.answer(engine).await,
        Some(Err(failure)) => Err(failure),
        None => about_the_server(&request, engine),
    };
    answered.unwrap_or_else(|failure| reply::failure(&failure))
}

/// Answers what is not about objects: health, version, discovery.
fn about_the_server(request: &Request, engine: &Engine) -> Result<Reply, Failure> {
    if let Route::Objects(target) = &request.route
        && engine.cluster().catalog.has_builtin_group(&target.group)
    {
        return Err(Failure::no_such_resource());
    }
    if request.route == Route::Malformed {
        let bad_request = StatusCode::BAD_REQUEST;
        return Ok(reply::text(bad_request, "400 Bad Request"));
    }
    let no_page = || Ok(reply::text(StatusCode::NOT_FOUND, PAGE_NOT_FOUND));
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return match request.route {
            Route::Unknown | Route::Objects(_) => no_page(),
            _ => Err(Failure::method_not_allowed()),
        };
    }
    let catalog = engine.cluster().catalog.clone();
    let accept = &request.asked.accept;
    let answer = match &request.route {
        Route::Health => return Ok(reply::text(StatusCode::OK, "ok")),
        Route::Version => return Ok(reply::value(StatusCode::OK, &discovery::version())),
        Route::Root => return Ok(reply::value(StatusCode::OK, &discovery::paths(&catalog))),
        Route::CoreVersions => return discovery::core(&catalog, accept),
        Route::Groups => return discovery::groups(&catalog, accept),
        Route::Group(group) => discovery::group(&catalog, group, accept),
        Route::Resources(group, version) => discovery::resources(&catalog, group, version, accept),
        Route::Objects(_) | Route::Unknown | Route::Malformed => None,
    };
    answer.unwrap_or_else(no_page)
}
