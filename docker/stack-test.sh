#!/usr/bin/env bash
# Starts the stack of docker/compose.yaml, records a training in it and tests it.
#
#   docker/stack-test.sh [PET-CLI]
#
# PET-CLI is the program that trains, by default that of `cargo build --release -p pet-cli`. The containers, volumes and
# image belong to this test and are removed afterwards. Needs docker with Compose 2, curl and python3, and the ports of
# the stack.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/requests.sh

readonly program=${1:-${CARGO_TARGET_DIR:-target}/release/pet-cli} name=stack-test
readonly trace=4bf92f3577b34da6a3ce929d0e0e4736
export COMPOSE_PROJECT_NAME=pet-classifier-stack-test SERVICE_IMAGE=pet-classifier-stack-test
# Without buildx, Compose uses the legacy builder and its cache.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
tested= # the service under test, whose log is shown on failure

main() {
  [[ -x $program ]] || refuse "there is no program \`$program\`" "cargo build --release -p pet-cli"
  check_ports
  work=$(mktemp -d)
  trap finish EXIT
  trap 'exit 130' INT TERM
  start --build
  check_service
  check_traces
  check_prometheus
  check_grafana
  check_training
  compose down
  start
  check_runs
  echo "test of the stack: passed"
}

refuse() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit 2
}

check_ports() {
  local port
  for port in 8000 5000 9090 3000; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      refuse "something listens at port $port already" \
        "stop it first; a stack of your own with \`docker compose --file docker/compose.yaml down\`"
    fi
  done
}

compose() {
  docker compose --file docker/compose.yaml "$@"
}

# start [OPTION]: waits until all services are healthy.
start() {
  # The timeout is for services that keep restarting.
  compose up "$@" --detach --wait --wait-timeout 180 || fail "the stack does not come up"
  local healthy
  healthy=$(compose ps --format '{{.Health}}' | grep --count --line-regexp healthy || true)
  [[ $healthy == 3 ]] || fail "$healthy of 3 services are healthy"
  echo "docker compose up${1:+ $1}: 3 services are healthy"
}

check_service() {
  tested=service
  draw "$work/photograph.png" 320 240
  expect "a photograph" 200 --header "traceparent: 00-$trace-00f067aa0ba902b7-01" \
    --form "file=@$work/photograph.png" http://localhost:8000/predict
  contains predicted_class
}

# The service exports traces every five seconds.
check_traces() {
  tested=mlflow
  for _ in $(seq 60); do
    curl --silent --max-time 5 --output "$work/answer" \
      "http://localhost:5000/api/3.0/mlflow/traces/get?trace_id=tr-$trace" || true
    if grep --quiet '"infer"' "$work/answer"; then
      echo "MLflow: the trace of the photograph"
      return
    fi
    sleep 0.5
  done
  fail "MLflow does not know the trace after 30 s: $(head --bytes 300 "$work/answer")"
}

check_prometheus() {
  tested=prometheus
  has_series 'up{job="pet-classifier"} == 1'
  has_series pet_queue_depth
  # The rules are loaded and no alert fires.
  expect "Prometheus' rules" 200 http://localhost:9090/api/v1/rules
  contains PetServiceDown
  has_series 'absent(ALERTS{alertstate="firing"})'
}

# Grafana has no stand-in, so it is skipped without its image.
check_grafana() {
  tested=grafana
  if ! compose --profile grafana pull --quiet --policy missing grafana >/dev/null 2>&1; then
    echo "Grafana: skipped, its image cannot be had"
    return
  fi
  compose --profile grafana up --detach --wait --wait-timeout 180 grafana || fail "Grafana does not come up"
  expect "Grafana's dashboard" 200 http://localhost:3000/api/dashboards/uid/pet-classifier
  contains '"title":"Pet classifier"'
  expect "Grafana's question to Prometheus" 200 \
    "http://localhost:3000/api/datasources/proxy/uid/prometheus/api/v1/query?query=pet_queue_depth"
  contains '"result":\[{'
  compose --profile grafana rm --stop --force grafana
}

# has_series QUERY: Prometheus scrapes the service every ten seconds.
has_series() {
  local query=$1
  for _ in $(seq 60); do
    curl --silent --max-time 5 --output "$work/answer" --get --data-urlencode "query=$query" \
      http://localhost:9090/api/v1/query || true
    if grep --quiet '"result":\[{' "$work/answer"; then
      echo "Prometheus: $query"
      return
    fi
    sleep 0.5
  done
  fail "Prometheus does not know \`$query\` after 30 s: $(head --bytes 300 "$work/answer")"
}

check_training() {
  tested=mlflow
  expect "MLflow's GET /health" 200 http://localhost:5000/health
  MLFLOW_TRACKING_URI=http://localhost:5000 "$program" train --dataset sample --data-dir "$work/sample" --epochs 1 \
    --experiment $name --model-name $name || fail "MLflow takes no training"
  check_runs
}

# Uses the address, which the server must also accept as a host name.
check_runs() {
  tested=mlflow
  export MLFLOW_TRACKING_URI=http://127.0.0.1:5000
  lists '"FINISHED"' runs list --experiment $name --json
  lists "\"$name\"" models list --json
}

# lists PATTERN ARGUMENTS...: checks the output of pet-cli.
lists() {
  local pattern=$1
  shift
  "$program" "$@" >"$work/answer" || fail "\`pet-cli $*\` fails"
  contains "$pattern"
  echo "pet-cli $*: $pattern"
}

fail() {
  echo "error: $*" >&2
  local service health
  while read -r service health; do
    [[ $health == healthy && $service != "$tested" ]] || compose logs --no-color --tail 30 "$service" >&2
  done < <(compose ps --all --format '{{.Service}} {{.Health}}')
  exit 1
}

# Short timeouts, because `cargo xtask` waits 20 seconds after Ctrl-C.
finish() {
  local status=$?
  trap '' INT TERM
  trap - EXIT
  compose --profile grafana down --volumes --timeout 5 || echo "error: containers are left over: docker ps" >&2
  docker image rm --force "$SERVICE_IMAGE" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$status"
}

main
