"""Reads metrics from the standard input as Prometheus does, and prints them as JSON.

Checks what a scraper or `promtool check metrics` would complain about: samples of no known type,
counters without `_total`, histograms whose buckets are not cumulative.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families


def check_histogram(family):
    series = {}
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != "le"}
        kind = sample.name.removeprefix(family.name)
        parts = series.setdefault(json.dumps(labels, sort_keys=True), {"_bucket": []})
        if kind == "_bucket":
            parts[kind].append((float(sample.labels["le"]), sample.value))
        else:
            parts[kind] = sample.value
    for labels, parts in series.items():
        bounds, counts = zip(*parts["_bucket"])
        assert list(bounds) == sorted(bounds) and bounds[-1] == float("inf"), (family.name, labels)
        assert list(counts) == sorted(counts), (family.name, labels)
        assert counts[-1] == parts["_count"] and "_sum" in parts, (family.name, labels)


def main():
    values = {}
    for family in text_string_to_metric_families(sys.stdin.read()):
        assert family.type in ("counter", "gauge", "histogram"), family
        assert family.documentation, family
        if family.type == "histogram":
            check_histogram(family)
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total"), sample
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}"
            assert key not in values, f"{key} occurs twice"
            values[key] = sample.value
    json.dump(values, sys.stdout)


main()
