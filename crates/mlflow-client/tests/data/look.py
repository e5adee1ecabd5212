"""Says as JSON what MLflow's own Python client finds in a store: `look.py TRACKING_URI`."""

import json
import logging
import sys
import tempfile
from pathlib import Path

import mlflow
import numpy

logging.getLogger("alembic").setLevel(logging.WARNING)
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()

runs = []
for run in mlflow.search_runs(experiment_names=["golden"], output_format="list", order_by=["attributes.start_time ASC"]):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder))
        artifacts = {
            str(path.relative_to(root)): path.read_bytes().hex()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
    runs.append({
        "name": run.info.run_name,
        "status": run.info.status,
        "user": run.data.tags.get("mlflow.user"),
        "params": run.data.params,
        "datasets": [
            [used.dataset.name, used.dataset.digest, {tag.key: tag.value for tag in used.tags}["mlflow.data.context"]]
            for used in run.inputs.dataset_inputs
        ],
        "metrics": {key: str(value) for key, value in run.data.metrics.items()},
        "history": [[point.step, point.timestamp, point.value] for point in client.get_metric_history(run.info.run_id, "val_acc")],
        "artifacts": artifacts,
    })

frame = mlflow.search_runs(experiment_names=["golden"], filter_string="metrics.val_acc > 0.6")
version = client.get_model_version_by_alias("golden_model", "champion")
model = mlflow.pyfunc.load_model("models:/golden_model@champion")
example = model.input_example
prediction = model.predict({"x": numpy.array([[1, 1, 1, 1], [0, 0, 0, 1]], dtype=numpy.float32)})
print(json.dumps({
    "runs": runs,
    "found": len(frame),
    "version": {"version": str(version.version), "tags": version.tags, "description": version.description},
    "metadata": model.metadata.metadata,
    "signature": str(model.metadata.signature.inputs),
    "example": numpy.asarray(example["x"]).tolist(),
    "prediction": prediction["y"].tolist(),
}))
