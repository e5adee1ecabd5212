"""The check of KServe's manifests finds what it is there to find."""

import pathlib
import unittest

import inference_service

MANIFEST = pathlib.Path("docker/kubernetes/inference-service.yaml").read_text()

# What is put for what, and where the finding must be.
MISTAKES = [
    ("minReplicas", "minReplica", "spec.predictor.minReplica: "),
    ("drop:", "drops:", "spec.predictor.containers[0].securityContext.capabilities: "),
    ("predictor:", "predict:", "spec: Invalid value for `predictor`"),
    ("timeout: 30", 'timeout: "30"', "spec.predictor.timeout: int is expected"),
    ("maxReplicas: 10", "maxReplicas: true", "spec.predictor.maxReplicas: int is expected"),
    ("timeout: 30", "labels: {of: 5}", "spec.predictor.labels.of: str is expected"),
    ("timeout: 30", "storageUris: {}", "spec.predictor.storageUris: a list is expected"),
    ("timeout: 30", "model: {}", "spec.predictor.model: Invalid value for `model_format`"),
    ("containerPort: 8000", "containerPort: x", "spec.predictor.containers[0].ports[0].containerPort: "),
    ("name: kserve-container", "image: x", "spec.predictor.containers[0]: 'name' is a required"),
    ("name: pet-classifier", "name: 5", "metadata.name: "),
    # Right by the schema, and yet refused or never ready.
    ("v1beta1", "v1", "apiVersion, kind: "),
    ("name: pet-classifier", "labels: {}", "metadata.name: missing"),
    ("timeout: 30", "onnx: {}", "spec.predictor: exactly one of "),
    ("minReplicas: 1", "minReplicas: 11", "spec.predictor.minReplicas: "),
    ("kserve-container", "service", "spec.predictor.containers[0].name: "),
    ("image: ghcr.io", "workingDir: ghcr.io", "spec.predictor.containers[0].image: missing"),
    ("name: http1", "name: http", "spec.predictor.containers[0].ports: "),
    (" port: 8000", " port: 9000", "spec.predictor.containers[0].readinessProbe: no port 9000"),
]


class InferenceService(unittest.TestCase):
    def test_our_manifest_is_right(self):
        self.assertEqual(inference_service.findings(MANIFEST), [])

    def test_every_mistake_is_found(self):
        for right, wrong, expected in MISTAKES:
            with self.subTest(wrong):
                self.assertIn(right, MANIFEST)
                found = inference_service.findings(MANIFEST.replace(right, wrong))
                self.assertTrue(any(line.startswith(expected) for line in found), found)
