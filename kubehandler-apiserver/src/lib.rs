#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod cel;
mod controllers;
mod discovery;
mod engine;
mod failure;
mod faults;
mod group;
mod kinds;
mod managed;
mod merge;
mod naming;
mod numbers;
mod object;
mod pipeline;
mod rules;
mod schema;
mod selector;
mod server;
mod state;
mod structural;
mod verbs;
mod wire;

pub use crate::{
    faults::{Fault, FaultId, ScriptError, When},
    pipeline::{faults::Faults, service::ApiService},
    server::{ApiServer, builder::ApiServerBuilder, listen::Listening, load::LoadError},
    wire::{
        asked::{Asked, Verb},
        reply::ReplyBody,
    },
};
