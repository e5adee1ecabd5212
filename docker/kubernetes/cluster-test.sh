#!/usr/bin/env bash
# Tests the manifests on a real cluster, which is created for this and deleted afterwards.
#
#   docker/kubernetes/cluster-test.sh [TAG] [PHOTOGRAPH]
#
# Needs kind, kubectl, curl, and a Docker engine with the image (`cargo xtask docker` builds it). Skipped if one of them is
# missing, unless PET_REQUIRE_CLUSTER=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source docker/requests.sh

readonly tag=${1:-pet-classifier}
readonly cluster=pet-classifier-test-$$
# No such registry exists, so only the loaded image can run.
readonly registry=registry.invalid
work=
photograph=${2:-}
image=   # its name in the manifest
forward= # the process that forwards a port to the service

main() {
  check_programs
  work=$(mktemp -d)
  trap clean EXIT
  # After Ctrl-C, which also stops the program in the foreground.
  trap 'exit 130' INT TERM
  # Never touches other clusters of this machine.
  export KUBECONFIG=$work/kubeconfig
  if [[ -z $photograph ]]; then
    photograph=$work/photograph.png
    draw "$photograph" 320 240
  fi
  copy_manifests
  create_cluster
  apply
  check_ready
  check_prediction
  check_drain
  echo "cluster test of $tag: passed"
}

fail() {
  echo "error: $*" >&2
  exit 1
}

check_programs() {
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

# Replaces the registry's name, as docs/deployment.md says.
copy_manifests() {
  local folder=docker/kubernetes file
  mkdir -p "$work/$folder"
  for file in deployment.yaml autoscaler.yaml; do
    sed "s#ghcr.io/OWNER#$registry#" "$folder/$file" >"$work/$folder/$file"
  done
  image=$(sed -n 's/^ *image: //p' "$work/$folder/deployment.yaml")
  [[ $image == "$registry"/* ]] || fail "deployment.yaml names the image \`$image\`"
  # Two replicas request one CPU each, and the cluster itself almost one.
  (($(nproc) >= 4)) || sed -i 's/cpu: "1"$/cpu: 100m/' "$work/$folder/deployment.yaml"
}

create_cluster() {
  kind create cluster --name "$cluster" --wait 180s
  docker tag "$tag" "$image"
  kind load docker-image "$image" --name "$cluster"
}

apply() {
  cd "$work"
  kubectl apply --filename docker/kubernetes/deployment.yaml --filename docker/kubernetes/autoscaler.yaml
  cd "$OLDPWD"
}

check_ready() {
  kubectl rollout status deployment/pet-classifier --timeout=180s
  # The number of replicas comes from the autoscaler, although there are no metrics here.
  wait_for deployment readyReplicas 2
  wait_for poddisruptionbudget disruptionsAllowed 1
}

# wait_for KIND FIELD VALUE: waits until the status has this value.
wait_for() {
  kubectl wait "$1/pet-classifier" --for=jsonpath="{.status.$2}=$3" --timeout=180s
}

# Sends a photo through the Service to a pod.
check_prediction() {
  local port
  kubectl port-forward service/pet-classifier :80 >"$work/forward" 2>&1 &
  forward=$!
  port=$(forwarded_port)
  [[ -n $port ]] || fail "no port is forwarded: $(<"$work/forward")"
  curl --silent --show-error --fail --max-time 30 --output "$work/answer" --form "file=@$photograph" \
    "http://127.0.0.1:$port/predict?top_k=3" || fail "the service does not predict"
  contains predicted_class
  echo "a photograph: $(head --bytes 80 "$work/answer")"
  stop_forwarding
}

# The port that kubectl chose.
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

# There is only one node, so an evicted pod cannot restart: the drain evicts the first pod and must keep the second.
check_drain() {
  local node
  node=$(kubectl get nodes --output jsonpath='{.items[0].metadata.name}')
  ! kubectl drain "$node" --ignore-daemonsets --pod-selector=app.kubernetes.io/name=pet-classifier --timeout=30s \
    >"$work/drain" 2>&1 || fail "the drain took every pod"
  grep --quiet "disruption budget" "$work/drain" || fail "the drain failed for another reason: $(<"$work/drain")"
  wait_for deployment readyReplicas 1
  check_prediction
  echo "drain: the last pod stayed, and answers"
}

# Shows the state of the cluster on failure, and removes everything.
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
