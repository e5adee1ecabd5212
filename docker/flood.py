#!/usr/bin/env python3
"""Sends a service the worst that its limits allow, with ordinary requests and health checks beside it.

    docker/flood.py URL [--seconds 20] [--times 1] [--clients 8] [--photograph FILE] [--pid PID --memory BYTES]
                    [--within SECONDS]

The hostile files are made here, with nothing but Python's own library. Goes on for SECONDS, and until each kind has been
answered so many TIMES. Prints how each kind was answered and how long that took; fails when an answer has a status that
it should not have, when an ordinary request or a health check is not answered with 200, when the process PID has needed
more than BYTES of memory at any time, or when one ordinary request in a hundred took longer than SECONDS.
"""

import argparse
import collections
import concurrent.futures
import http.client
import itertools
import math
import socket
import struct
import sys
import threading
import time
import urllib.parse
import zlib

BOUNDARY = "a-boundary-of-parts"

# The largest picture within the default limits.
SIDE = 7071


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def packed_zeros(count):
    """So many zero bytes, compressed."""
    packer, step = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(step[: min(len(step), count - start)]) for start in range(0, count, len(step))]
    return b"".join(parts) + packer.flush()


def png(width, height, *, depth=8, color=2, rows=None, before=b""):
    """A PNG file, black unless its rows are given; `before` stands before its pixels."""
    samples = {2: 3, 6: 4}[color]
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = zlib.compress(rows) if rows else packed_zeros(height * (1 + width * samples * depth // 8))
    content = chunk(b"IHDR", head) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def ordinary_picture():
    """500x375 pixels of colours that run into each other."""
    rows = [b"\0" + bytes(v for x in range(500) for v in (x % 256, y % 256, (x * y) % 256)) for y in range(375)]
    return png(500, 375, rows=b"".join(rows))


def profile_of_zeros():
    """64x64 pixels with a colour profile that unpacks to 588 MB."""
    return png(64, 64, before=chunk(b"iCCP", b"profile\0\0" + packed_zeros(588_000_000)))


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def bits(text):
    """Bits as the data of a scan: filled up with ones, a zero behind each byte of ones."""
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")


def huffman_table(place, symbol):
    """A table with a single code, `0`."""
    return segment(0xC4, bytes([place, 1, *[0] * 15, symbol]))


def progressive(side, components, bands):
    """A progressive JPEG file, grey all over: a scan for all means, then one for each of `bands`, as component, first
    and last coefficient, high and low bit."""
    blocks = math.ceil(side / 8) ** 2
    frame = bytes([8]) + struct.pack(">HHB", side, side, components)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(components))
    parts = [b"\xff\xd8", segment(0xDB, bytes([0] + [1] * 64)), segment(0xC2, frame), huffman_table(0, 0)]
    every = b"".join(bytes([number, 0]) for number in range(components))
    parts += [segment(0xDA, bytes([components]) + every + b"\0\0\0"), bytes(math.ceil(blocks * components / 8))]
    # The longest run of blocks without coefficients: 32,767.
    parts.append(huffman_table(0x10, 0xE0))
    run = bits(("0" + "1" * 14) * math.ceil(blocks / 32767))
    for number, first, last, high, low in bands:
        parts += [segment(0xDA, bytes([1, number, 0, first, last, high << 4 | low])), run]
    return b"".join(parts) + b"\xff\xd9"


def many_scans():
    """As many scans as a picture of its size may have: 300 over 1600x1600 pixels."""
    firsts = [(0, at, at, 0, 5) for at in range(1, 64)]
    finer = [(0, at, at, low + 1, low) for low in (4, 3, 2, 1) for at in range(1, 64)]
    return progressive(1600, 1, (firsts + finer)[:299])


def form(*files):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


class Kind:
    """A request, and the statuses that it may be answered with."""

    def __init__(self, name, path, *files, statuses=(200, 413, 429, 504)):
        self.name, self.path, self.statuses = name, path, statuses
        self.body = form(*files) if files else None

    def send(self, address, timeout):
        """The status; None where the connection breaks off."""
        connection = http.client.HTTPConnection(*address, timeout=timeout)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if self.body else {}
        try:
            connection.request("POST" if self.body else "GET", self.path, self.body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (BrokenPipeError, ConnectionResetError, http.client.HTTPException):
            # A refused upload may be cut off while it is sent.
            return None
        finally:
            connection.close()


def hostile_kinds():
    large = png(3000, 3000)
    return [
        Kind("a colour profile of 588 MB", "/predict", profile_of_zeros()),
        Kind("16-bit RGBA, 7071x7071", "/predict", png(SIDE, SIDE, depth=16, color=6)),
        Kind("progressive CMYK, 7071x7071", "/predict", progressive(SIDE, 4, [(c, 1, 63, 0, 0) for c in range(4)])),
        Kind("JPEG with 300 scans", "/predict", many_scans()),
        Kind("batch of 32 large pictures", "/predict/batch", *[large] * 32),
        Kind("resize to 16384x3051", "/resize?width=16384&height=3051", png(50, 50)),
        Kind("resize to 4500x4500", "/resize?width=4500&height=4500", png(50, 50)),
    ]


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.statuses = collections.defaultdict(collections.Counter)
        self.seconds = collections.defaultdict(list)

    def add(self, name, status, seconds):
        with self.lock:
            self.statuses[name][status] += 1
            self.seconds[name].append(seconds)

    def least(self, kinds):
        """How often the kind that was answered least was."""
        with self.lock:
            return min(len(self.seconds[kind.name]) for kind in kinds)

    def quantile(self, name, share):
        seconds = sorted(self.seconds[name])
        return seconds[min(len(seconds) - 1, math.ceil(share * len(seconds)) - 1)] if seconds else math.nan


def repeat(kinds, address, tally, over, pause=0.0):
    """Sends requests, one after the other, until it is over."""
    for kind in kinds:
        begun = time.monotonic()
        if over():
            return
        status = kind.send(address, timeout=90)
        tally.add(kind.name, status, time.monotonic() - begun)
        time.sleep(pause)


def never_read(address, over):
    """Asks for large answers, and holds uploads back in the middle, until it is over."""
    request = Kind("", "", png(50, 50)).body
    connections = []
    while not over():
        connection = socket.create_connection(address)
        head = f"Host: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        if len(connections) % 2:
            line = "POST /resize?width=2500&height=2500 HTTP/1.1\r\n"
            connection.sendall(f"{line}{head}Content-Length: {len(request)}\r\n\r\n".encode() + request)
        else:
            line = "POST /predict HTTP/1.1\r\n"
            connection.sendall(f"{line}{head}Content-Length: 15000000\r\n\r\n".encode() + request)
        connections.append(connection)
        time.sleep(0.5)
    for connection in connections:
        connection.close()


def flood(address, arguments, photograph):
    ordinary = [
        Kind("ordinary photograph", "/predict", photograph, statuses=(200,)),
        Kind("health check", "/health/ready", statuses=(200,)),
    ]
    hostile = hostile_kinds()
    tally, end = Tally(), time.monotonic() + arguments.seconds

    def over():
        return time.monotonic() >= end and tally.least(hostile) >= arguments.times

    with concurrent.futures.ThreadPoolExecutor(arguments.clients + 3) as pool:
        work = [
            # Each begins with another kind.
            pool.submit(repeat, itertools.cycle(hostile[at % len(hostile) :] + hostile[: at % len(hostile)]),
                        address, tally, over)
            for at in range(arguments.clients)
        ]
        work += [pool.submit(repeat, itertools.repeat(kind), address, tally, over, 0.02) for kind in ordinary]
        work.append(pool.submit(never_read, address, over))
        for one in work:
            one.result()
    return hostile + ordinary, tally


def peak_memory(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def report(kinds, tally):
    print(f"{'request':30} {'answers':>8} {'p50':>8} {'p99':>8}  statuses")
    for kind in kinds:
        counts = tally.statuses[kind.name]
        statuses = ", ".join(f"{status or 'cut off'}: {count}" for status, count in sorted(counts.items(), key=str))
        middle, most = tally.quantile(kind.name, 0.5), tally.quantile(kind.name, 0.99)
        print(f"{kind.name:30} {sum(counts.values()):8} {middle:7.3f}s {most:7.3f}s  {statuses}")


def faults(kinds, tally, arguments):
    for kind in kinds:
        counts = tally.statuses[kind.name]
        odd = [status for status in counts if status not in kind.statuses and not (status is None and kind.body)]
        odd += [None] if kind.statuses == (200,) and counts[None] else []
        if odd:
            yield f"{kind.name}: answered with {odd}"
    if arguments.pid:
        peak = peak_memory(arguments.pid)
        print(f"peak memory: {peak / 1e6:.0f} MB")
        if arguments.memory and peak > arguments.memory:
            yield f"the process has needed {peak} bytes of memory, more than {arguments.memory}"
    slowest = tally.quantile("ordinary photograph", 0.99)
    if arguments.within and slowest > arguments.within:
        yield f"one ordinary request in a hundred took {slowest:.2f} s or longer"


def main():
    parser = argparse.ArgumentParser(description="Sends a service the worst that its limits allow.")
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--photograph")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--within", type=float)
    arguments = parser.parse_args()
    url = urllib.parse.urlsplit(arguments.url)
    photograph = ordinary_picture()
    if arguments.photograph:
        with open(arguments.photograph, "rb") as file:
            photograph = file.read()
    kinds, tally = flood((url.hostname, url.port), arguments, photograph)
    report(kinds, tally)
    found = list(faults(kinds, tally, arguments))
    for fault in found:
        print(f"error: {fault}", file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
