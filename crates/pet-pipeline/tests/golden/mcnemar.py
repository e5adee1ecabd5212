#!/usr/bin/env python3
"""Writes mcnemar.json: p-values of the exact McNemar test from two Python packages.

    python3 mcnemar.py

Needs statsmodels and scipy. Each row is [only one right, only the other right, p of statsmodels, p of scipy].
"""

import json
from pathlib import Path

from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

PAIRS = [(0, 0), (0, 1), (1, 0), (0, 5), (0, 6), (1, 8), (2, 10), (3, 3), (4, 5), (5, 15), (7, 7), (9, 20), (12, 8)]
PAIRS += [(19, 42), (25, 26), (37, 11), (59, 6), (100, 121), (150, 150), (210, 300), (1000, 1100), (0, 736), (4950, 5210)]

rows = []
for one, other in PAIRS:
    table = [[100, one], [other, 50]]
    exact = float(mcnemar(table, exact=True).pvalue)
    pairs = one + other
    binomial = float(binomtest(one, pairs, 0.5).pvalue) if pairs else 1.0
    rows.append([one, other, exact, binomial])
file = Path(__file__).with_suffix(".json")
file.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n")
