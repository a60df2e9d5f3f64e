//! What the compiler says of handlers: those that are refused, and odd ones that are not.

#[test]
fn refused_inputs_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}

#[test]
fn odd_inputs_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
}
