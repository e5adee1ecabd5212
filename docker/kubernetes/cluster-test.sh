#!/usr/bin/env bash
# Runs the manifests on a real cluster, which is made for this and deleted afterwards.
#
#   docker/kubernetes/cluster-test.sh [TAG] [PHOTOGRAPH]
#
# Needs kind, kubectl, curl, and a Docker engine that has the image (`cargo xtask docker` makes it). Where one of them is
# missing it is skipped, unless PET_REQUIRE_CLUSTER=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source docker/requests.sh

readonly tag=${1:-pet-classifier}
readonly cluster=pet-classifier-test-$$
# A registry that cannot be: what runs is the image that was loaded, or nothing.
readonly registry=registry.invalid
work=
photograph=${2:-}
image=   # what the manifest calls the image
forward= # the process that forwards a port to the service

main() {
  look_for_programs
  work=$(mktemp -d)
  trap clean EXIT
  # Ctrl-C ends the program in the foreground; then this.
  trap 'exit 130' INT TERM
  # Another cluster that this machine knows is never touched.
  export KUBECONFIG=$work/kubeconfig
  if [[ -z $photograph ]]; then
    photograph=$work/photograph.png
    draw "$photograph" 320 240
  fi
  copy_manifests
  make_cluster
  apply
  becomes_ready
  predicts
  survives_a_drain
  echo "cluster test of $tag: all is well"
}

fail() {
  echo "error: $*" >&2
  exit 1
}

look_for_programs() {
  local program
  for program in kind kubectl curl docker; do
    command -v "$program" >/dev/null || skip "no $program"
  done
  docker info >/dev/null 2>&1 || skip "no Docker engine"
  docker image inspect "$tag" >/dev/null 2>&1 || fail "no image $tag; \`cargo xtask docker\` makes it"
}

skip() {
  [[ ${PET_REQUIRE_CLUSTER:-} != 1 ]] || fail "$1"
  echo "cluster test: skipped: $1"
  exit 0
}

# The registry's name is put in, as docs/deployment.md says.
copy_manifests() {
  local folder=docker/kubernetes file
  mkdir -p "$work/$folder"
  for file in deployment.yaml autoscaler.yaml; do
    sed "s#ghcr.io/OWNER#$registry#" "$folder/$file" >"$work/$folder/$file"
  done
  image=$(sed -n 's/^ *image: //p' "$work/$folder/deployment.yaml")
  [[ $image == "$registry"/* ]] || fail "deployment.yaml names the image \`$image\`"
  # Two replicas ask for a processor each, and the cluster itself for almost one.
  (($(nproc) >= 4)) || sed -i 's/cpu: "1"$/cpu: 100m/' "$work/$folder/deployment.yaml"
}

make_cluster() {
  kind create cluster --name "$cluster" --wait 180s
  docker tag "$tag" "$image"
  kind load docker-image "$image" --name "$cluster"
}

apply() {
  cd "$work"
  kubectl apply --filename docker/kubernetes/deployment.yaml --filename docker/kubernetes/autoscaler.yaml
  cd "$OLDPWD"
}

becomes_ready() {
  kubectl rollout status deployment/pet-classifier --timeout=180s
  # The deployment says no number. The autoscaler makes it two, though there are no metrics here.
  has deployment readyReplicas 2
  has poddisruptionbudget disruptionsAllowed 1
}

# has KIND FIELD VALUE: waits until the status says so.
has() {
  kubectl wait "$1/pet-classifier" --for=jsonpath="{.status.$2}=$3" --timeout=180s
}

# A photograph goes through the Service to a pod.
predicts() {
  local port
  kubectl port-forward service/pet-classifier :80 >"$work/forward" 2>&1 &
  forward=$!
  port=$(forwarded_port)
  [[ -n $port ]] || fail "no port is forwarded: $(<"$work/forward")"
  curl --silent --show-error --fail --max-time 30 --output "$work/answer" --form "file=@$photograph" \
    "http://127.0.0.1:$port/predict?top_k=3" || fail "the service does not predict"
  says predicted_class
  echo "a photograph: $(head --bytes 80 "$work/answer")"
  stop_forwarding
}

# The port that kubectl chose, once it has said it.
forwarded_port() {
  local port
  for _ in $(seq 100); do
    port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$work/forward")
    [[ -z $port ]] || break
    sleep 0.1
  done
  echo "$port"
}

stop_forwarding() {
  [[ -z $forward ]] || kill "$forward" 2>/dev/null || true
  [[ -z $forward ]] || wait "$forward" 2>/dev/null || true
  forward=
}

# There is one node, so a pod that leaves has nowhere to go: the drain takes the first, and must leave the second.
survives_a_drain() {
  local node
  node=$(kubectl get nodes --output jsonpath='{.items[0].metadata.name}')
  ! kubectl drain "$node" --ignore-daemonsets --pod-selector=app.kubernetes.io/name=pet-classifier --timeout=30s \
    >"$work/drain" 2>&1 || fail "the drain took every pod"
  grep --quiet "disruption budget" "$work/drain" || fail "the drain failed for another reason: $(<"$work/drain")"
  has deployment readyReplicas 1
  predicts
  echo "drain: the last pod stayed, and answers"
}

# Says why it failed, if it did, and removes what was made here.
clean() {
  local status=$?
  trap - EXIT
  ((status == 0)) || describe >&2 || true
  stop_forwarding
  kind delete cluster --name "$cluster" || true
  [[ -z $image ]] || docker image rm "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$status"
}

describe() {
  local request=(--request-timeout=10s)
  kubectl get all,poddisruptionbudgets,events "${request[@]}" || true
  kubectl describe pods "${request[@]}" || true
  kubectl logs --selector=app.kubernetes.io/name=pet-classifier --tail=50 "${request[@]}" || true
}

main
