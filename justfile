# Every recipe is plain commands: without just, copy them.

# Lists the recipes.
default:
    @just --list

# Everything that CI does.
ci:
    .ci/run

# The tests; those against a real API server run where KUBEBUILDER_ASSETS names one.
test:
    cargo test --workspace

# The tests, with a real API server built first if need be.
test-all:
    KUBEBUILDER_ASSETS="$(tests/cluster/build)" cargo test --workspace

# Clippy on everything, warnings denied.
lint:
    cargo clippy --workspace --all-targets --features kubehandler-peers/programs -- -D warnings

# Before a push: format, layout, Clippy, unit tests and laws.
check:
    cargo fmt --all --check
    tests/layout/run
    cargo clippy --workspace --all-targets --features kubehandler-peers/programs -- -D warnings
    cargo test --workspace --lib
    cargo test -p kubehandler-tests --test laws

# The packages as they are published, built as their users build them; takes names of checks.
packages *names:
    tests/packages/run {{names}}

# The public interface compared with its listing; --write takes a change over.
interface *arguments:
    tests/public-api/run {{arguments}}

# Formats the code.
fmt:
    cargo fmt --all

# The documentation, warnings denied.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# A real Kubernetes API server until Ctrl-C; prints the kubeconfig to use.
cluster:
    tests/cluster/up

# The sample controller; takes its flags, such as `just sample --namespace default`.
sample *flags:
    cargo run --bin sample-controller -- {{flags}}

# The load that the embedded API server bears, beside a real one; takes a few minutes.
bench-apiserver:
    cargo build --release -p kubehandler-apiserver
    cargo build --release -p kubehandler-tests --bin load
    KUBEBUILDER_ASSETS="$(tests/cluster/build)" target/release/load target/release/kubehandler-apiserver

# This library beside kube-rs and client-go, in memory and time; takes arguments, such as `--only queue`.
bench-peers *arguments:
    tests/peers/run {{arguments}}

# Half an hour of an event loop whose watches are cut all the time; takes arguments, such as `--minutes 3`.
soak *arguments:
    tests/soak/run {{arguments}}

# Instructions of the hot paths, compared with those written down; needs valgrind. Takes names, --write.
instructions *arguments:
    tests/peers/instructions {{arguments}}

# More seeds of the ten laws than the tests play: just seeds 20000
seeds count="5000":
    SEEDS={{count}} cargo test -p kubehandler-seeds

# The model checks of the queue's wake-up protocol.
loom:
    RUSTFLAGS="--cfg kubehandler_loom" CARGO_TARGET_DIR=target/loom cargo test -p kubehandler-queue --lib loom

# Breaks each law on purpose and checks that its test notices; takes names or globs.
mutants *names:
    tests/mutants/run {{names}}

# Licenses, sources and banned crates of the dependencies; needs `cargo install cargo-deny`.
deny:
    cargo deny check bans licenses sources

# An API server in memory until Ctrl-C; takes its flags, such as `just apiserver --load pods.yaml`.
apiserver *flags:
    cargo run --bin kubehandler-apiserver -- {{flags}}

# The scenarios on the embedded server and on a real one; takes a part of a title.
conformance title="":
    SCENARIO="{{title}}" KUBEBUILDER_ASSETS="$(tests/cluster/build)" cargo test -p kubehandler-tests --test slow every_scenario

# Looks for inputs that break a parser, such as `just fuzz kubehandler proxy`; needs `cargo install cargo-fuzz`.
fuzz package="kubehandler-apiserver" target="url" *flags:
    [ ! -e {{package}}/fuzz/seeds ] || {{package}}/fuzz/seeds
    cd {{package}} && cargo fuzz run --sanitizer none {{target}} -- $(ls fuzz/{{target}}.dict 2>/dev/null | sed 's/^/-dict=/') {{flags}}
