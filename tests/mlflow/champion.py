"""Says as JSON which version MLflow's own Python client finds at the alias, and what each says of its promotion:
`champion.py TRACKING_URI`."""

import json
import logging
import sys

import mlflow

logging.getLogger("alembic").setLevel(logging.WARNING)
MODEL = "oxford_pet_classifier"

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
aliases = client.get_registered_model(MODEL).aliases
print(json.dumps({
    "aliases": {alias: int(version) for alias, version in aliases.items()},
    "tags": {version.version: version.tags for version in client.search_model_versions(f"name='{MODEL}'")},
}))
