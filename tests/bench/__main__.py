"""``make bench``: pyproftpd, a C proftpd with mod_sftp and OpenSSH's sshd side by side, in one run.

Prints every figure with the ratio of ours to each peer and the target it is held to, and writes all of it to var/bench.json.
Ratios of one run are what counts; absolute figures depend on the machine and on what else it does.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

from tests.bench import measures, timing
from tests.bench.peers import Bench, running
from tests.servers import OURS

#: (measure, figure) -> (target against proftpd, target against sshd); a figure where more is better is marked by a minus
TARGETS: dict[tuple[str, str], tuple[float | None, float | None]] = {
    ("aes128-gcm down", "cpu_s_per_gib"): (0.45, 0.80), ("aes128-gcm up", "cpu_s_per_gib"): (0.42, 0.60),
    ("aes256-gcm down", "cpu_s_per_gib"): (0.45, 0.80), ("aes256-gcm up", "cpu_s_per_gib"): (0.42, 0.60),
    ("chacha20 down", "cpu_s_per_gib"): (None, 0.85), ("chacha20 up", "cpu_s_per_gib"): (None, 0.60),
    ("aes256-ctr sha256-etm down", "cpu_s_per_gib"): (0.70, 0.95), ("aes256-ctr sha256-etm up", "cpu_s_per_gib"): (0.58, 0.75),
    ("aes128-ctr umac-64-etm down", "cpu_s_per_gib"): (0.60, 0.80), ("aes128-ctr umac-64-etm up", "cpu_s_per_gib"): (0.60, 0.80),
    ("aes128-gcm down", "mib_s"): (-1.5, -1.0), ("aes128-gcm up", "mib_s"): (-1.5, -1.0),
    ("put small files ahead", "cpu_us_per_file"): (0.5, 3.0), ("get small files ahead", "cpu_us_per_file"): (0.5, 3.0),
    ("listing 10000", "cpu_ms"): (0.5, 3.0),
    ("login, one at a time", "ready_ms"): (1.3, 0.3), ("login, one at a time", "banner_ms"): (1.1, 0.5),
    ("login, one at a time", "cpu_ms"): (1.7, 0.35),
    ("login, 8 parallel", "cpu_ms"): (1.4, 0.35), ("login, 8 parallel", "sessions_s"): (-1.2, -2.0),
    ("idle session", "pss_kib"): (2.2, 1.3),
}

#: figure of a measure of ours by itself -> the most that it may be
LIMITS = {"spread": 1.10, "ks": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="MiB of the file moved (default 512)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each transfer, the best counts (default 3)")
    parser.add_argument("--tries", type=int, default=500, help="refused logins of each kind (default 500)")
    parser.add_argument("--only", default="", help="measures whose name holds this text")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"))
    options = parser.parse_args()
    results: dict[str, dict[str, dict[str, float] | None]] = {}
    with running() as bench:
        for name, take in plan(bench, options):
            if options.only in name:
                results[name] = {peer.name: take(peer) for peer in bench.peers}
                report(name, results[name])
    start = {words: measures.start_times([OURS], words.split()) for words in ("-v", "-V")}
    for words, milliseconds in start.items():
        print(f"proftpd {words:<39}{milliseconds:10.1f} ms")
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "machine": platform.platform(), "python": platform.python_version(),
        "size_mib": options.size, "results": results, "commands_ms": start}, indent=1) + "\n")
    print(f"written to {options.json}")


def plan(bench: Bench, options: argparse.Namespace) -> list[tuple[str, Any]]:
    """(name, measure of one peer) in the order of the report."""
    size = options.size << 20
    rows: list[tuple[str, Any]] = [("start", lambda peer: peer.start)]
    for suite, cipher, mac in measures.SUITES:
        for direction in ("down", "up"):
            rows.append((f"{suite} {direction}", lambda peer, way=direction, cipher=cipher, mac=mac: measures.transfer(
                bench, peer, way, cipher, mac, size, options.runs)))
    rows += [
        ("put small files", lambda peer: measures.small_files(bench, peer, 2000, "put")),
        ("get small files", lambda peer: measures.small_files(bench, peer, 2000, "get")),
        ("put small files ahead", lambda peer: measures.sent_ahead(bench, peer, 2000, "put")),
        ("get small files ahead", lambda peer: measures.sent_ahead(bench, peer, 2000, "get")),
        ("listing 10000", lambda peer: measures.listing(bench, peer, 10000)),
        ("login, one at a time", lambda peer: measures.logins(bench, peer, 60, 1)),
        ("login, 8 parallel", lambda peer: measures.logins(bench, peer, 160, 8)),
        ("idle session", lambda peer: measures.idle_memory(bench, peer, 30)),
        ("timing: passwords", lambda peer: timing.passwords(bench, peer, options.tries)),
        ("timing: queries", lambda peer: timing.queries(bench, peer, options.tries)),
        ("timing: conversations", lambda peer: timing.conversations(bench, peer, options.tries)),
    ]
    return rows


def report(name: str, taken: dict[str, dict[str, float] | None]) -> None:
    ours = taken.get("pyproftpd") or {}
    for figure, value in ours.items():
        line = f"{name:<28} {figure:<16} {value:10.2f}"
        if figure in LIMITS:
            line += f" <={LIMITS[figure]:.2f} {'ok' if value <= LIMITS[figure] else 'MISS'}"
        for index, peer in enumerate(("proftpd", "sshd")):
            other = (taken.get(peer) or {}).get(figure)
            if not other:
                line += f" | {peer}: not there         "
                continue
            ratio = value / other
            target = TARGETS.get((name, figure), (None, None))[index]
            met = "" if target is None else (" ok  " if (ratio >= -target if target < 0 else ratio <= target) else " MISS")
            bound = "" if target is None else f"{'>=' if target < 0 else '<='}{abs(target):.2f}"
            line += f" | {peer} {other:9.2f} x{ratio:5.2f} {bound}{met}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
