import os
import runpy
import types

BENCH = types.SimpleNamespace(**runpy.run_path("xtask/src/bench/bench.py"))


def measured(rate, p50):
    service = BENCH.Service("name", [], ".", b"")
    service.many, service.one = [{"rate": rate}], [{"p50": p50}]
    service.resident = [100.0]
    return service


def test_work_is_read_from_the_metrics():
    phases = ["decode_duration_seconds_sum 1.5", "preprocess_duration_seconds_sum 0.25"]
    phases += ["inference_duration_seconds_sum 0.25", "decode_duration_seconds_count 100"]
    assert BENCH.work("".join(f"pet_{phase}\n" for phase in phases)) == (2.0, 100.0)
    assert BENCH.work("") == (0.0, 0.0)


def test_promises_are_held_against_the_peer():
    ours, peer = measured(300, 6.0), measured(150, 10.0)
    got = {reach: got for _, reach, got in BENCH.promises(ours, peer, [0.3], 0.005)}
    assert (got["≥ 2.5 ×, with VNNI ≥ 3.5 ×"], got["≤ 0.45 ×"], got["≤ 0.4 s"]) == ("2.00 ×", "0.60 ×", "0.30 s")
    assert got["≥ 85 %"] == f"{100 * 300 * 0.005 / os.cpu_count():.0f} % of {os.cpu_count() / 0.005:.0f} req/s"
    assert len(list(BENCH.promises(ours, None, [0.3], 0.005))) == 3
