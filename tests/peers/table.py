"""The goals, and the Markdown table that says which of them hold."""

from dataclasses import dataclass
from statistics import median

OURS = "kubehandler"


@dataclass(frozen=True)
class Row:
    """A figure of every contestant, and what ours has to be beside each peer's."""

    what: str
    unit: str
    key: str
    mode: str
    goals: dict  # Of a peer: ours at most (or at least, for what is better when it is more) so many times it.
    more_is_better: bool = False


CONTEST = [
    Row("first list, all handled; key and metadata", "s", "list_seconds", "key",
        {"kube-rs": 1 / 5, "client-go-json": 1 / 15}),
    Row("first list, all handled; whole object", "s", "list_seconds", "object",
        {"kube-rs": 1 / 2, "client-go-json": 1 / 8}),
    Row("CPU for it; key and metadata", "s", "list_cpu", "key", {}),
    Row("CPU for it; whole object", "s", "list_cpu", "object", {}),
    Row("memory at rest; key and metadata", "MiB", "rest", "key", {"kube-rs": 1 / 30, "client-go-json": 1 / 10}),
    Row("memory at rest; whole object", "MiB", "rest", "object", {"kube-rs": 1 / 30, "client-go-json": 1 / 10}),
    Row("memory at rest after the updates; key and metadata", "MiB", "rest_after_events", "key", {}),
    Row("events/s; key and metadata", "/s", "event_rate", "key", {"kube-rs": 4, "client-go-json": 15}, True),
    Row("events/s; whole object", "/s", "event_rate", "object", {"kube-rs": 1.5, "client-go-json": 5}, True),
    Row("CPU per event; key and metadata", "µs", "event_cpu", "key", {}),
    Row("CPU per event; whole object", "µs", "event_cpu", "object", {}),
]

PEAKS = [
    ("peak during the first list", "list_peak"),
    ("peak during a full relist, nothing new", "relist_false_peak"),
    ("peak during a full relist, everything new", "relist_true_peak"),
]

QUEUES = [
    Row("fill and drain 100,000 keys", "ns/key", "fill-drain", "",
        {"client-go": 1 / 3, "controller-runtime": 1 / 20, "bare": 1.5}),
    Row("100,000 add_after in 50 ms, CPU", "ns/key", "add-after", "", {"client-go": 1 / 4, "bare": 1.5}),
    Row("1 producer, 1 consumer", "ns/key", "one-to-one", "", {}),
    Row("4 producers, 64 consumers", "ns/key", "many-to-many", "", {}),
]


def figure(value, unit=""):
    if value is None:
        return "not measured"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{text} {unit}".replace(" /s", "/s").strip()


def middle(runs, key):
    """Returns the median of a figure over the runs, `None` if no run has it."""
    values = [run[key] for run in runs if key in run]
    return median(values) if values else None


def cell(runs, key, unit):
    """Prints a median, and in how many runs not every event was handled."""
    if not runs:
        return "–"
    value = middle(runs, key)
    missing = [run["missing"] for run in runs if key not in run and "missing" in run]
    missing += [run["relist_missing"] for run in runs if key == "relist_true_peak" and "relist_missing" in run]
    note = f"{missing[0]} ({len(missing)} of {len(runs)} runs)" if missing else ""
    if value is None:
        return note or "not measured"
    return f"{figure(value, unit)}; {note}" if note else figure(value, unit)


def factor(goal):
    return f"{goal:g} ×" if goal >= 1 else f"1/{1 / goal:g}"


def verdicts(row, ours, peers):
    """Returns the cells ratio, goal and whether it holds."""
    ratios, goals, holds = [], [], {}
    for name, runs in peers.items():
        value = middle(runs, row.key)
        if ours is None or not value:
            continue
        ratios.append(f"{figure(ours / value if row.more_is_better else value / ours)} × {name}")
        if name in row.goals:
            bound = row.goals[name] * value
            holds[name] = ours >= bound if row.more_is_better else ours <= bound
    for name, goal in row.goals.items():
        goals.append(f"{'≥' if row.more_is_better else '≤'} {factor(goal)} {name}")
    said = [f"{name}: {holding(holds.get(name))}" for name in row.goals]
    return ", ".join(ratios), ", ".join(goals), ", ".join(said)


def holding(holds):
    return {None: "not measured", True: "yes", False: "**no**"}[holds]


def print_rows(rows, results, columns, ours):
    """Prints one table; `results` maps (contestant, mode) to runs, `ours` is the column of our own."""
    print(f"| | {' | '.join(columns)} | ratio | goal | holds |")
    print("|---" * (len(columns) + 4) + "|")
    for row in rows:
        # The peers decode every object whatever the callback reads: one mode stands for both.
        runs = {name: results.get((name, row.mode)) or results.get((name, "key"), []) for name in columns}
        if not any(row.key in run for name in columns for run in runs[name]):
            continue
        cells = " | ".join(cell(runs[name], row.key, row.unit) for name in columns)
        peers = {name: runs[name] for name in columns if not name.startswith(OURS)}
        ratio, goal, holds = verdicts(row, middle(runs[ours], row.key), peers)
        print(f"| {row.what} | {cells} | {ratio} | {goal} | {holds} |", flush=True)


def print_contest(results, contestants):
    print_rows(CONTEST, results, contestants, OURS)
    for mode, reads in (("key", "key and metadata"), ("object", "whole object")):
        for what, key in PEAKS:
            print_peak(f"{what}; {reads}", key, mode, results, contestants)


def print_peak(what, key, mode, results, contestants):
    runs = {name: results.get((name, mode)) or results.get((name, "key"), []) for name in contestants}
    if not any(key in run for name in contestants for run in runs[name]):
        return
    cells = " | ".join(cell(runs[name], key, "MiB") for name in contestants)
    ours, rest = middle(runs.get(OURS, []), key), middle(runs.get(OURS, []), "rest")
    if ours is None or rest is None:
        ratio, holds = "", "not measured"
    else:
        ratio, holds = f"{figure(ours / rest)} × at rest", holding(ours <= 1.3 * rest + 16)
    print(f"| {what} | {cells} | {ratio} | ≤ 1.3 × at rest + 16 MiB | {holds} |", flush=True)


def print_queues(results, columns):
    ours = f"{OURS} Arc<str>"
    print_rows(QUEUES, {(name, ""): runs for name, runs in results.items()}, columns, ours)
    grown = {}
    for name in columns:
        one, many = (middle(results[name], key) for key in ("one-to-one", "many-to-many"))
        grown[name] = many / one if one and many else None
    cells = " | ".join(f"{figure(grown[name])} ×" if grown[name] else "–" for name in columns)
    holds = holding(grown[ours] and grown[ours] <= 1.5)
    print(f"| 4 and 64 to 1 and 1 | {cells} | | ≤ 1.5 × | {holds} |")
