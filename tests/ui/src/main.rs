//! What the compiler says of handlers: those that are refused, and odd ones that are not.

// The odd ones are modules of this test, not programs of their own: they share its
// build, and what they import is built once.
#[path = "../pass"]
#[allow(
    missing_docs,
    missing_debug_implementations,
    clippy::must_use_candidate,
    clippy::ref_option,
    clippy::unused_self,
    reason = "inputs of the derive, not an interface"
)]
pub mod odd {
    pub mod attributes_in_pieces;
    pub mod changed_paths;
    pub mod closures_and_functions;
    pub mod custom_resource_attributes;
    pub mod custom_resources;
    pub mod dynamic_objects;
    pub mod generic_kinds;
    pub mod hostile;
    pub mod informer_by_another_name;
    pub mod informer_expressions;
    pub mod library_by_another_path;
    pub mod metadata_only;
    pub mod names_computed;
    pub mod names_of_the_prelude;
    pub mod raw_identifiers;
    pub mod selectors;
    pub mod tuple_and_unit_structs;
    pub mod written_by_macro_rules;
}

use std::{fs, path::Path};

#[test]
fn refused_inputs_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
}

#[test]
fn every_odd_input_is_compiled() {
    let this = include_str!("main.rs");
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("pass")).unwrap();

    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();

        assert!(this.contains(&format!("pub mod {name};")), "{name}");
    }
}
