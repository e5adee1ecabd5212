"""Says as JSON what MLflow's own Python client finds of logged models: `look_at_models.py TRACKING_URI`."""

import json
import sys

import mlflow
import numpy

mlflow.set_tracking_uri(sys.argv[1])
experiment = mlflow.get_experiment_by_name("logged").experiment_id
models = mlflow.search_logged_models(
    experiment_ids=[experiment], filter_string="metrics.val_acc > 0.7", output_format="list"
)
seen = []
for model in models:
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    ones = {"x": numpy.ones((1, 4), dtype=numpy.float32)}
    seen.append({
        "id": model.model_id,
        "name": model.name,
        "run": model.source_run_id,
        "status": model.status.value if hasattr(model.status, "value") else str(model.status),
        "params": model.params,
        "metrics": {metric.key: metric.value for metric in model.metrics},
        "prediction": loaded.predict(ones)["y"].tolist(),
    })
print(json.dumps(seen))
