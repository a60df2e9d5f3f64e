#![doc = include_str!("../README.md")]
mod builder;
mod clock;
mod control;
mod controllers;
mod definitions;
mod discovery;
mod failure;
mod faults;
mod guard;
mod kinds;
mod listen;
mod load;
mod media;
mod object;
mod options;
mod progress;
mod query;
mod record;
mod reply;
mod request;
mod route;
mod rules;
mod selection;
mod selector;
mod server;
mod service;
mod shape;
mod state;
mod storage;
mod verbs;
mod watch;

pub use self::{
    builder::ApiServerBuilder,
    faults::{Fault, FaultId, Faults, ScriptError, Verb, When},
    listen::Listening,
    load::LoadError,
    record::Asked,
    reply::ReplyBody,
    server::ApiServer,
    service::ApiService,
};
