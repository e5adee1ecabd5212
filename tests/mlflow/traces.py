"""Says as JSON what MLflow has of the traces in an experiment: `traces.py TRACKING_URI`."""

import json
import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("Default").experiment_id
traces = mlflow.search_traces(locations=[experiment], return_type="list")
print(
    json.dumps(
        {
            trace.info.trace_id: {
                span.name: {
                    "parent": span.parent_id,
                    "id": span.span_id,
                    "start": span.start_time_ns,
                    "end": span.end_time_ns,
                    "route": span.get_attribute("http.route"),
                    "status": span.get_attribute("http.response.status_code"),
                }
                for span in trace.data.spans
            }
            for trace in traces
        }
    )
)
