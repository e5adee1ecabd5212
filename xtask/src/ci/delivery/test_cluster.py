"""docker/kubernetes/cluster-test.sh passes on a cluster that does well, fails on others, and leaves none behind.

The cluster is played: this shows that the script holds together, not that the manifests do on a real one.
"""

import shutil

from programs import Scripts

SCRIPT = "docker/kubernetes/cluster-test.sh"

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


class Cluster(Scripts):
    def setUp(self):
        super().setUp()
        for program, body in [("kind", ""), ("docker", ""), ("kubectl", KUBECTL), ("curl", CURL)]:
            self.replace(program, body)
        self.applied = self.folder / "applied"

    def try_out(self, broken="", drain="1"):
        return self.run_script([SCRIPT], BROKEN=broken, DRAIN=drain, APPLIED=str(self.applied))

    def assert_deleted(self):
        made, deleted = (call.split() for call in self.calls() if call.startswith(("kind create", "kind delete")))
        self.assertEqual((made[1], deleted[1]), ("create", "delete"))
        self.assertEqual(made[4], deleted[4])

    def test_a_cluster_that_does_well(self):
        done = self.try_out()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_deleted()
        self.assertEqual(len([call for call in self.calls() if call.startswith("curl")]), 2)

    def test_the_pods_ask_for_the_image_that_was_loaded(self):
        self.try_out()
        (loaded,) = (call.split()[3] for call in self.calls() if call.startswith("kind load"))
        self.assertIn(f"image: {loaded}\n", self.applied.read_text())
        self.assertNotIn("OWNER", self.applied.read_text())
        self.assertIn(f"docker tag pet-classifier {loaded}", self.calls())

    def test_every_failure_is_one_and_leaves_no_cluster(self):
        for broken in ["apply", "rollout", "readyReplicas}=2", "disruptionsAllowed", "get nodes", "readyReplicas}=1"]:
            with self.subTest(broken):
                (self.folder / "calls").unlink(missing_ok=True)
                self.assertEqual(self.try_out(broken).returncode, 1)
                self.assert_deleted()

    def test_a_drain_that_takes_all_is_a_failure(self):
        done = self.try_out(drain="0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: the drain took every pod", done.stderr)
        self.assert_deleted()

    def test_a_service_that_does_not_predict_is_a_failure(self):
        self.replace("curl", "exit 22")
        done = self.try_out()
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: the service does not predict", done.stderr)
        self.assert_deleted()

    def test_without_a_program_it_is_skipped_unless_that_is_forbidden(self):
        (self.folder / "kind").unlink()
        for needed in ["bash", "dirname"]:
            (self.folder / needed).symlink_to(shutil.which(needed))
        only = {"PATH": str(self.folder)}
        done = self.run_script([SCRIPT], **only)
        self.assertEqual((done.returncode, done.stdout), (0, "cluster test: skipped: no kind\n"))
        done = self.run_script([SCRIPT], PET_REQUIRE_CLUSTER="1", **only)
        self.assertEqual((done.returncode, done.stderr), (1, "error: no kind\n"))
