"""Says as JSON which metrics of the system a run has, and which MLflow's own client logs: `system_metrics.py TRACKING_URI RUN`."""

import json
import re
import sys
from pathlib import Path

import mlflow
from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING

uri, run_id = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
metrics = Path(mlflow.__file__).parent / "system_metrics/metrics"
# psutil, with which MLflow measures, need not be installed.
sources = [metrics / f"{part}_monitor.py" for part in ("cpu", "disk", "network")]
named = [name for source in sources for name in re.findall(r'_metrics\["(\w+)"\]', source.read_text())]
ours = [key for key in client.get_run(run_id).data.metrics if key.startswith("system/")]
print(json.dumps({
    "enabled_by": MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.name,
    "theirs": sorted({f"system/{name}" for name in named}),
    "ours": sorted(ours),
    "steps": {key: [point.step for point in client.get_metric_history(run_id, key)] for key in ours},
}))
