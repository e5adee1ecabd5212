"""Asks a model server for the classes of images: `invoke.py URL IMAGE…`."""

import base64
import json
import sys
import urllib.request
from pathlib import Path

rows = [[base64.b64encode(Path(file).read_bytes()).decode()] for file in sys.argv[2:]]
body = json.dumps({"dataframe_split": {"columns": ["image"], "data": rows}}).encode()
request = urllib.request.Request(f"{sys.argv[1]}/invocations", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request, timeout=120) as answer:
    predictions = json.load(answer)["predictions"]
print(json.dumps([prediction["class"] for prediction in predictions]))
