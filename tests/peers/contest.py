"""One contestant against one load server: the processes, what they print, and what Linux says of them."""

import json
import queue
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

MIB = 1024.0
TICKS = 100.0  # Of Linux's /proc, a second.
QUIET = 3  # Seconds after the first list before memory at rest is read.


class NotAllHandled(Exception):
    """A contestant did not handle every event in time; says how long that was."""


class Process:
    """A program that prints lines; killed at the end of a `with`."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def line(self, seconds):
        """Returns the words of the next line, or raises if it does not come in time."""
        try:
            words = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise NotAllHandled(f"not all handled in {seconds} s") from None
        if words is None:
            raise NotAllHandled(f"it ended with code {self.process.wait()}")
        return words

    def reached(self, words, seconds):
        """Waits for the line of a round, such as `synced` or `round 3`; returns its nanoseconds."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), 0)
            *said, nanoseconds = self.line(left)
            if said == words:
                return int(nanoseconds)

    def cpu(self):
        """Returns the seconds of CPU time so far, user and system."""
        fields = self._proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def cpu_of_threads(self):
        """Returns the seconds of CPU time of the living threads: finer, for programs that idle."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory(self, what):
        """Returns VmRSS or VmHWM in MiB."""
        for line in self._proc("status").splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / MIB
        raise NotAllHandled("it ended")

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def settle(self, seconds):
        """Waits until the process has done nothing for a second, but not for longer than said."""
        deadline = time.monotonic() + seconds
        before = None
        while time.monotonic() < deadline and (before is None or self.cpu() - before > 0.02):
            before = self.cpu()
            time.sleep(1)

    def _proc(self, name):
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


class Server(Process):
    """A load server of its own, for one contestant."""

    def __init__(self, program, pods):
        super().__init__([program, pods])
        self.url = self.line(30)[-1]

    def control(self, command):
        request = urllib.request.Request(f"{self.url}/control/{command}", method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def stats(self):
        with urllib.request.urlopen(f"{self.url}/control/stats") as answer:
            return json.load(answer)


def measure(server, contestant, pods, rounds, limit, parts):
    """Plays one run; returns its figures, and under `missing` why some of them are not there."""
    figures = {}
    try:
        first_list(server, contestant, limit, figures)
        if "events" in parts:
            events(server, contestant, pods, rounds, limit, figures)
        if "list" in parts:
            relist(server, contestant, limit, figures)
    except (NotAllHandled, FileNotFoundError) as problem:
        figures["missing"] = str(problem)
    return figures


def first_list(server, contestant, limit, figures):
    synced = contestant.reached(["synced"], limit)
    figures["list_cpu"] = contestant.cpu()
    figures["list_seconds"] = (synced - server.stats()["first_list"]) / 1e9
    time.sleep(QUIET)
    contestant.settle(30)
    figures["rest"] = contestant.memory("VmRSS")
    figures["list_peak"] = contestant.memory("VmHWM")


def events(server, contestant, pods, rounds, limit, figures):
    """A round starts when the one before is handled by all, so that nobody gains by merging."""
    seconds, before, served = 0, contestant.cpu(), server.cpu()
    for _ in range(rounds):
        round_ = server.control("round")
        seconds += (contestant.reached(["round", str(round_["round"])], limit) - round_["started"]) / 1e9
    figures["event_cpu"] = (contestant.cpu() - before) / (pods * rounds) * 1e6
    figures["event_rate"] = pods * rounds / seconds
    figures["server_event_cpu"] = (server.cpu() - served) / (pods * rounds) * 1e6
    contestant.settle(30)
    figures["rest_after_events"] = contestant.memory("VmRSS")


def relist(server, contestant, limit, figures):
    """The peaks of two full lists after the first: one that brings nothing new, one where all is new."""
    for changed in ("false", "true"):
        contestant.settle(30)
        contestant.forget_peak()
        lists = server.stats()["lists"]
        round_ = server.control(f"relist?changed={changed}")
        deadline = time.monotonic() + limit
        while server.stats()["lists"] == lists:
            if time.monotonic() > deadline:
                raise NotAllHandled(f"no new list in {limit} s")
            time.sleep(0.1)
        handled = True
        if changed == "true":
            try:
                # The list has been sent: whoever handles it in full is done soon.
                contestant.reached(["round", str(round_["round"])], min(limit, 60))
            except NotAllHandled:
                handled = False
        contestant.settle(60)
        figures[f"relist_{changed}_peak"] = contestant.memory("VmHWM")
        if not handled:
            figures["relist_missing"] = "not all handled"
    figures["rest_after_relists"] = contestant.memory("VmRSS")
