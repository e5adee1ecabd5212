"""docker/kubernetes/cluster-test.sh passes on a good cluster, fails on others, and always deletes the cluster.

The cluster is simulated: this tests the script, not the manifests.
"""

import shutil

import pytest

SCRIPT = ["docker/kubernetes/cluster-test.sh"]

KUBECTL = r"""
[[ "$*" != *"$BROKEN"* || -z $BROKEN ]] || exit 1
case $1 in
  apply) cat docker/kubernetes/*.yaml >"$APPLIED" ;;
  port-forward)
    printf 'Forwarding from %s:4321 -> 8000\n' 127.0.0.1 '[::1]'
    exec sleep 60
    ;;
  get) printf node-of-the-test ;;
  drain)
    echo "error when evicting: Cannot evict pod as it would violate the pod's disruption budget." >&2
    exit "$DRAIN"
    ;;
esac
"""

CURL = r"""
while [[ $1 != --output ]]; do shift; done
echo '{"predicted_class": "Beagle"}' >"$2"
"""


@pytest.fixture
def cluster(programs):
    """Runs the script; the applied manifests are in `programs.folder / "applied"`."""
    for program, body in [("kind", ""), ("docker", ""), ("kubectl", KUBECTL), ("curl", CURL)]:
        programs.replace(program, body)

    def run(broken="", drain="1"):
        done = programs.run(SCRIPT, BROKEN=broken, DRAIN=drain, APPLIED=str(programs.folder / "applied"))
        made, deleted = (programs.calls(f"kind {verb} cluster")[0].split() for verb in ("create", "delete"))
        assert made[4] == deleted[4]
        return done

    return run


def test_passes_on_a_good_cluster(cluster, programs):
    done = cluster()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(programs.calls("curl")) == 2
    loaded = programs.calls("kind load")[0].split()[3]
    applied = (programs.folder / "applied").read_text()
    assert f"image: {loaded}\n" in applied and "OWNER" not in applied
    assert f"docker tag pet-classifier {loaded}" in programs.calls()


@pytest.mark.parametrize(
    "broken", ["apply", "rollout", "readyReplicas}=2", "disruptionsAllowed", "get nodes", "readyReplicas}=1"]
)
def test_fails_if_a_step_fails(cluster, broken):
    assert cluster(broken).returncode == 1


def test_fails_if_the_drain_evicts_every_pod(cluster):
    done = cluster(drain="0")
    assert done.returncode == 1 and "error: the drain took every pod" in done.stderr


def test_fails_if_the_service_does_not_predict(cluster, programs):
    programs.replace("curl", "exit 22")
    done = cluster()
    assert done.returncode == 1 and "error: the service does not predict" in done.stderr


def test_is_skipped_without_kind_unless_required(programs):
    for needed in ["bash", "dirname"]:
        (programs.folder / needed).symlink_to(shutil.which(needed))
    only = {"PATH": str(programs.folder)}
    done = programs.run(SCRIPT, **only)
    assert (done.returncode, done.stdout) == (0, "cluster test: skipped: no kind\n")
    done = programs.run(SCRIPT, PET_REQUIRE_CLUSTER="1", **only)
    assert (done.returncode, done.stderr) == (1, "error: no kind\n")
