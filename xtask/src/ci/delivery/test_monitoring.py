"""The dashboard, the alerts and the documentation know the metrics that the service has, and no others."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

DASHBOARD = json.loads(pathlib.Path("docker/grafana/dashboard.json").read_text())
ALERTS = yaml.safe_load(pathlib.Path("docker/alerts.yml").read_text())
COMPOSE = yaml.safe_load(pathlib.Path("docker/compose.yaml").read_text())


def metrics():
    """The names that the source gives to series, each registered with its help."""
    sources = pathlib.Path("crates/pet-api/src/metrics").glob("*.rs")
    return {name for source in sources for name in re.findall(r'"((?:pet|process)_\w+)"', source.read_text())}


def named(text):
    """The metrics that an expression or a page names; a histogram has three series."""
    names = re.findall(r"\b(?:pet|process)_\w+\b", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def expressions():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def test_the_dashboard_shows_every_metric_and_no_other():
    assert len(metrics()) > 15
    assert named("\n".join(expressions())) == metrics()


def test_every_metric_is_documented_and_no_other():
    rows = re.findall(r"^\| `(\w+)` \|.*\|$", pathlib.Path("docs/http-api.md").read_text(), re.MULTILINE)
    assert {row for row in rows if re.match("pet_|process_", row)} == metrics()


def test_alerts_watch_metrics_that_exist_and_are_documented():
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    page = pathlib.Path("docs/deployment.md").read_text()
    tried = pathlib.Path("docker/alerts-test.yml").read_text()
    for rule in rules:
        assert named(rule["expr"]) <= metrics()
        assert named(rule["annotations"]["description"]) <= metrics()
        assert f"`{rule['alert']}`" in page
        assert len(re.findall(rf"alertname: {rule['alert']}\b", tried)) >= 2, "once when it fires and once when not"
    text = json.dumps(DASHBOARD)
    named_alerts = re.findall(r"alert (\w+)", text)
    assert named_alerts
    for alert in named_alerts:
        assert alert in [rule["alert"] for rule in rules]


def test_panels_have_ids_and_places_of_their_own():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_asks_the_chosen_source_about_the_chosen_instances():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["expr"].count('instance=~"$instance"') == len(re.findall(r"\b(?:pet|process)_\w+", target["expr"]))


def test_prometheus_understands_every_panel(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("no promtool")
    names = {f"panel:{index}": text for index, text in enumerate(expressions())}
    filled = {name: text.replace("$__rate_interval", "5m").replace("$instance", ".*") for name, text in names.items()}
    rules = [{"record": name, "expr": text} for name, text in filled.items()]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = subprocess.run(["promtool", "check", "rules", file], text=True, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_compose_hands_over_every_file():
    """What Prometheus and Grafana are told to read lies where Compose mounts it."""
    mounts = [mount.split(":")[:2] for name in ("prometheus", "grafana") for mount in COMPOSE["services"][name]["volumes"]]
    mounted = {inside: outside for outside, inside in mounts}
    for inside, outside in mounted.items():
        assert not outside.startswith("./") or pathlib.Path("docker", outside).is_file()
    (rules,) = yaml.safe_load(pathlib.Path("docker/prometheus.yml").read_text())["rule_files"]
    assert mounted[f"/etc/prometheus/{rules}"] == f"./{rules}"
    (provider,) = yaml.safe_load(pathlib.Path("docker/grafana/provider.yml").read_text())["providers"]
    dashboard = f"{provider['options']['path']}/dashboard.json"
    assert mounted[dashboard] == "./grafana/dashboard.json"
    environment = COMPOSE["services"]["grafana"]["environment"]
    assert environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard
