"""Says as JSON what MLflow's own Python client finds: `look.py TRACKING_URI IMAGE…`."""

import hashlib
import json
import logging
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas

logging.getLogger("alembic").setLevel(logging.WARNING)
EXPERIMENT = "OxfordPetExperiment"
MODEL = "oxford_pet_classifier"
METRICS = ["train_loss", "train_acc", "val_loss", "val_acc"]

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()


def files(run_id):
    """Path and digest of each artifact."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=folder))
        found = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def seen(run):
    history = {
        key: [[point.step, point.value] for point in client.get_metric_history(run.info.run_id, key)]
        for key in METRICS
    }
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "params": run.data.params,
        "tags": run.data.tags,
        "history": history,
        "datasets": [[used.dataset.name, used.dataset.digest] for used in run.inputs.dataset_inputs],
        "artifacts": files(run.info.run_id),
    }


runs = mlflow.search_runs(experiment_names=[EXPERIMENT], output_format="list", order_by=["attributes.start_time ASC"])
champion = client.get_model_version_by_alias(MODEL, "champion")
classifier = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
images = pandas.DataFrame({"image": [Path(file).read_bytes() for file in sys.argv[2:]]})
answers = classifier.predict(images)
graph = mlflow.onnx.load_model(f"models:/{MODEL}@champion").graph
print(json.dumps({
    "runs": [seen(run) for run in runs],
    "version": {"version": str(champion.version), "run_id": champion.run_id, "tags": champion.tags},
    "versions": len(client.search_model_versions(f"name='{MODEL}'")),
    "classes": answers["class"].tolist(),
    "probabilities": answers["probability"].tolist(),
    "example": len(classifier.predict(classifier.input_example)),
    "onnx_input": graph.input[0].name,
}))
