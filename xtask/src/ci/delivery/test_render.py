"""The schema of render.yaml refuses what Render would."""

import json
import pathlib
import unittest

import jsonschema
import yaml

BLUEPRINT = pathlib.Path("render.yaml").read_text()
SCHEMA = json.loads(pathlib.Path(__file__).with_name("render.schema.json").read_text())

# What is put for what, and where the finding must be.
MISTAKES = [
    ("services:", "service:", "$"),
    ("plan: starter", "plan: small", "$.services[0].plan"),
    ("region: frankfurt", "region: berlin", "$.services[0].region"),
    ("runtime: docker", "runtime: dockr", "$.services[0].runtime"),
    ("runtime: docker", "env: docker", "$.services[0]"),
    ("healthCheckPath: /", "healthCheckPath: ", "$.services[0].healthCheckPath"),
    ("maxShutdownDelaySeconds: 45", "maxShutdownDelaySeconds: 301", "$.services[0].maxShutdownDelaySeconds"),
    # Without quotes it is `false` to YAML.
    ('autoDeployTrigger: "off"', "autoDeployTrigger: off", "$.services[0].autoDeployTrigger"),
    ('value: "1"', "values: 1", "$.services[0].envVars[0]"),
]


def places(text):
    return [error.json_path for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))]


class Render(unittest.TestCase):
    def test_our_blueprint_is_right(self):
        self.assertEqual(places(BLUEPRINT), [])

    def test_every_mistake_is_found(self):
        for right, wrong, expected in MISTAKES:
            with self.subTest(wrong):
                self.assertIn(right, BLUEPRINT)
                self.assertIn(expected, places(BLUEPRINT.replace(right, wrong)))
