"""What `cargo xtask bench serve`, `soak` and `tracking` measure; `cargo xtask bench --help` describes them."""

import argparse
import collections
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from statistics import median_low as median

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUTPUT = ROOT / "target/bench"
PHOTOGRAPHS = ROOT / os.environ.get("PET_SHARED_DATA", "../shared/data") / "originals"
# Connections of the heavier load, and how often a start is measured.
MANY, STARTS = 8, 5
LOAD = pathlib.Path(__file__).with_name("load.lua")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, path, body=None):
    """The text of an answer; empty where there is none."""
    form = {"Content-Type": "multipart/form-data; boundary=part"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, form)
    try:
        with OPENER.open(request, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@contextlib.contextmanager
def running(command, answers, **options):
    """A server, from its first answer until it is no longer needed: its process, and how many seconds it took to start."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        while not answers():
            if process.poll() is not None or time.perf_counter() - start > 120:
                sys.exit(f"error: `{command[0]}` does not answer")
            time.sleep(0.002)
        yield process.pid, time.perf_counter() - start
    finally:
        # Politely first, so that a process with children can end them.
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def table(*rows):
    """A table in Markdown; its first row is the heading."""
    heading, *others = ["| " + " | ".join(row) + " |\n" for row in rows]
    return heading + "|---" * len(rows[0]) + "|\n" + "".join(others)


def resident(pid):
    """Megabytes in use by a process and its children; only on Linux."""
    try:
        kibibytes = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return (int(kibibytes[1]) * 1.024e-3 if kibibytes else 0.0) + sum(map(resident, children))


def report(text, name):
    """Writes a report, and prints it."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / name).write_text(text)
    print(f"\n{text}\nwritten to {OUTPUT / name}")


def empty_folder(name):
    shutil.rmtree(OUTPUT / name, ignore_errors=True)
    (OUTPUT / name).mkdir(parents=True)
    return OUTPUT / name


def form(photographs):
    """A form with the first photograph of a folder."""
    head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    return head + min(photographs.iterdir()).read_bytes() + b"\r\n--part--\r\n"


class Service:
    def __init__(self, name, command, folder, body):
        self.name, self.command, self.folder, self.port, self.body = name, command, folder, free_port(), body
        self.many, self.one, self.resident = [], [], []

    def start(self):
        predicts = lambda: ask(self.port, "/predict", self.body)
        return running([*self.command, str(self.port)], predicts, cwd=self.folder)

    def load(self, connections, seconds, *arguments):
        """Starts a load; `figures` waits for its end."""
        wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s", "-s", LOAD]
        return subprocess.Popen([*wrk, f"http://127.0.0.1:{self.port}", "--", *arguments], stdout=subprocess.PIPE)

    def measure(self, pid, options):
        self.many.append(figures(self.load(MANY, options.seconds, options.photographs)))
        self.resident.append(resident(pid))
        self.one.append(figures(self.load(1, options.seconds, options.photographs)))

    def median(self, loads, figure):
        return median(load[figure] for load in getattr(self, loads))

    def row(self):
        shown = [("many", "rate"), ("many", "p50"), ("many", "p99"), ("one", "rate"), ("one", "p50")]
        refused = sum(load["refused"] for load in self.many + self.one)
        return [self.name, *(f"{self.median(*figure):.1f}" for figure in shown), f"{median(self.resident):.0f}", str(refused)]


def figures(load):
    """What a load prints in its last line."""
    printed, _ = load.communicate()
    return json.loads(printed.splitlines()[-1])


def serving(options, level, *others):
    """The command of the service, up to its port."""
    command = [options.program, "serve", f"--log-level={level}", "--results", options.results]
    return [*command, "--cache-dir", options.cache, *others, "--port"]


# The service in Python has this size of the input written into it.
FOR_PEER = """
import sys, onnx
model = onnx.load(sys.argv[1])
for side in model.graph.input[0].type.tensor_type.shape.dim[2:]:
    side.dim_value = 224
del model.graph.value_info[:]
onnx.save(model, "model.onnx")
"""


def peer_folder(options):
    """The fp32 model for the service in Python."""
    folder = empty_folder("peer")
    shutil.copy(options.results / "classes.json", folder)
    subprocess.run([options.python, "-c", FOR_PEER, options.results / "model.onnx"], check=True, cwd=folder)
    return folder


def serve(options):
    body = form(options.photographs)
    # The default model, then the one that the service in Python has, at its own size.
    services = [ours := Service("pet-cli serve", serving(options, "warn"), options.results, body)]
    if (options.results / "model.int8.onnx").exists():
        ours.name += " (int8)"
        command = serving(options, "warn", "--precision", "fp32")
        services.append(Service("pet-cli serve --precision fp32", command, options.results, body))
    if not options.python or not options.peer.is_file():
        print(f"absent: FastAPI: no `{options.peer}`, or no Python for it")
    else:
        command = [options.python, "-m", "uvicorn", f"{options.peer.stem}:app", "--app-dir", options.peer.parent]
        command += ["--workers", "2", "--log-level", "warning", "--port"]
        services.append(Service("FastAPI (fp32, 224 pixels)", command, peer_folder(options), body))
    starts = []
    for _ in range(STARTS):
        with ours.start() as (_, seconds):
            starts.append(seconds)
    with contextlib.ExitStack() as stack:
        started = [(service, stack.enter_context(service.start())[0]) for service in services]
        for number in range(options.rounds):
            for service, pid in started:
                print(f"round {number + 1}: {service.name}", flush=True)
                service.measure(pid, options)
    heading = ["service", f"req/s, {MANY} connections", "p50 ms", "p99 ms", "req/s, 1 connection", "p50 ms"]
    text = table([*heading, "resident MB", "refused"], *(service.row() for service in services))
    report(f"{text}\nfrom start to first answer: {median(starts):.2f} s\n", "serve.md")


# The load is split into rounds, so that both services meet the same state of the machine.
ROUNDS = 4
# Successes, broken uploads, missing paths, a full queue.
EXPECTED = {"200", "400", "404", "429"}


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans and forgets them."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Soaked(Service):
    """A service under mixed load, with its memory and responses over time."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.unhealthy, self.statuses = 0, collections.Counter()

    def soak(self, pid, options):
        load = self.load(options.connections, options.seconds // ROUNDS, options.photographs, "mixed")
        while load.poll() is None:
            self.unhealthy += not ask(self.port, "/health")
            # Once a second in both, where only one keeps it.
            ask(self.port, "/feedback?class=Beagle", self.body)
            self.resident.append(resident(pid))
            time.sleep(1)
        self.many.append(figures(load))
        self.statuses.update(self.many[-1]["statuses"])

    def rows(self):
        quarter = len(self.resident) // 4
        second, last = median(self.resident[quarter : 2 * quarter]), median(self.resident[-quarter:])
        yield "resident memory, second and last quarter", f"{second:.0f} and {last:.0f} MB"
        yield "responses by status", ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        yield "broken connections, unanswered health checks", f"{sum(load['broken'] for load in self.many)}, {self.unhealthy}"
        yield "p99 of all requests", f"{self.median('many', 'p99'):.0f} ms"


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def soak(options):
    body, folder = form(options.photographs), empty_folder("soak")
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    everything = ["--shadow", f"{options.results}=50%", "--canary", f"{options.results}=5%", "--feedback"]
    everything += [folder / "feedback"]
    everything += ["--otlp-endpoint", f"http://127.0.0.1:{collector.server_port}"]
    services = [
        full := Soaked("shadow, canary, corrections and traces", serving(options, "error", *everything), folder, body),
        plain := Soaked("without them", serving(options, "error"), folder, body),
    ]
    with contextlib.ExitStack() as stack:
        started = [(service, stack.enter_context(service.start())[0]) for service in services]
        before = [descriptors(pid) for _, pid in started]
        for number in range(ROUNDS):
            for service, pid in started:
                print(f"round {number + 1}: {service.name}", flush=True)
                service.soak(pid, options)
        # The connections of the last round close.
        time.sleep(3)
        after = [descriptors(pid) for _, pid in started]
    rows = [[*row, value] for row, (_, value) in zip(full.rows(), plain.rows())]
    rows.append(["open files before and after", *(f"{one} and {other}" for one, other in zip(before, after))])
    text = table([f"{options.connections} connections", *(service.name for service in services)], *rows)
    slower = full.median("many", "p99") / plain.median("many", "p99")
    report(f"{text}\np99 with everything on: {slower:.2f} × (reach: ≤ 1.10 ×)\n", "soak.md")
    if unexpected := (full.statuses.keys() | plain.statuses.keys()) - EXPECTED:
        sys.exit(f"error: unexpected statuses: {', '.join(sorted(unexpected))}")


def train(program, store):
    """Seconds of one training, and those of them that went into tracking."""
    command = [program, "train", "--dataset", "sample", "--epochs", "5", "--json", "--tracking-uri", store]
    start = time.perf_counter()
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return time.perf_counter() - start, json.loads(printed)[0]["tracking_seconds"]


def tracking(options):
    port, folder = free_port(), empty_folder("tracking")
    server = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    server += ["--backend-store-uri", "sqlite:///server.db", "--port", str(port)]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    hidden = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | quiet}
    stores = [f"http://127.0.0.1:{port}", f"sqlite:///{folder}/mlflow.db"]
    rows = []
    with running(server, lambda: ask(port, "/health"), cwd=folder, **hidden):
        # The first one of each computes features, makes tables and warms the server up.
        for store in stores:
            train(options.program, store)
        for _ in range(options.rounds):
            (served, _), (local, spent) = (train(options.program, store) for store in stores)
            rows.append([served, local, local - spent, served - local + spent])
            print("with a server {:.3f} s, local {:.3f} s, without tracking {:.3f} s".format(*rows[-1]), flush=True)
    names = ["with a server", "with the local database", "without tracking", "what the server costs (reach: 0.5 s)"]
    medians = [[name, f"{median(column):.3f} s"] for name, column in zip(names, zip(*rows))]
    print("\n" + table(["5 epochs on the sample", f"median of {options.rounds}"], *medians))


def at_least(least):
    def count(text):
        if int(text) < least:
            raise ValueError
        return int(text)

    return count


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask bench")
    kinds = parser.add_subparsers(required=True)
    served = {"results": ROOT / "results", "photographs": PHOTOGRAPHS}
    for measure, numbers, paths in [
        (serve, {"rounds": (1, 3), "seconds": (1, 8)}, {**served, "peer": None, "python": None}),
        (soak, {"seconds": (16, 60), "connections": (1, 200)}, served),
        (tracking, {"rounds": (1, 7)}, {}),
    ]:
        kind = kinds.add_parser(measure.__name__)
        kind.set_defaults(measure=measure)
        for number, (least, default) in numbers.items():
            kind.add_argument(f"--{number}", type=at_least(least), default=default)
        for path, default in {"program": None, "cache": None, **paths}.items():
            kind.add_argument(f"--{path}", type=lambda text: pathlib.Path(text).absolute(), default=default)
    options = parser.parse_args()
    os.chdir(ROOT)
    options.measure(options)


if __name__ == "__main__":
    main()
