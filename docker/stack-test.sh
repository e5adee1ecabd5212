#!/usr/bin/env bash
# Brings up the stack of docker/compose.yaml, trains into it and asks it what its users will.
#
#   docker/stack-test.sh [PET-CLI]
#
# PET-CLI is the program that trains, else what `cargo build --release -p pet-cli` has made. The containers, volumes
# and the image are this test's own, and are removed at its end. Needs docker with Compose 2, curl and python3, and the
# ports of the stack.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/requests.sh

readonly program=${1:-${CARGO_TARGET_DIR:-target}/release/pet-cli} name=stack-test
readonly trace=4bf92f3577b34da6a3ce929d0e0e4736
export COMPOSE_PROJECT_NAME=pet-classifier-stack-test SERVICE_IMAGE=pet-classifier-stack-test
# Where `docker build` is still the older builder, Compose takes the same one, and what that has built already.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
asked= # the service that is asked, whose log tells of a failure

main() {
  [[ -x $program ]] || refuse "there is no program \`$program\`" "cargo build --release -p pet-cli"
  ports_are_free
  work=$(mktemp -d)
  trap finish EXIT
  trap 'exit 130' INT TERM
  start --build
  predicts
  is_traced
  is_watched
  is_drawn
  takes_a_training
  compose down
  start
  keeps_the_training
  echo "test of the stack: all is well"
}

refuse() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit 2
}

ports_are_free() {
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

# start [OPTION]: until every health check is content.
start() {
  # The limit is for a service that ends again and again.
  compose up "$@" --detach --wait --wait-timeout 180 || fail "the stack does not come up"
  local healthy
  healthy=$(compose ps --format '{{.Health}}' | grep --count --line-regexp healthy || true)
  [[ $healthy == 3 ]] || fail "$healthy of 3 services are healthy"
  echo "docker compose up${1:+ $1}: 3 services are healthy"
}

predicts() {
  asked=service
  draw "$work/photograph.png" 320 240
  answers "a photograph" 200 --header "traceparent: 00-$trace-00f067aa0ba902b7-01" \
    --form "file=@$work/photograph.png" http://localhost:8000/predict
  says predicted_class
}

# The service sends what it has every five seconds.
is_traced() {
  asked=mlflow
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

is_watched() {
  asked=prometheus
  knows 'up{job="pet-classifier"} == 1'
  knows pet_queue_depth
  # Its rules are loaded and none of them fires.
  answers "Prometheus' rules" 200 http://localhost:9090/api/v1/rules
  says PetServiceDown
  knows 'absent(ALERTS{alertstate="firing"})'
}

# Grafana has no stand-in: it is tried where its image is, or can be had.
is_drawn() {
  asked=grafana
  if ! compose --profile grafana pull --quiet --policy missing grafana >/dev/null 2>&1; then
    echo "Grafana: skipped, its image cannot be had"
    return
  fi
  compose --profile grafana up --detach --wait --wait-timeout 180 grafana || fail "Grafana does not come up"
  answers "Grafana's dashboard" 200 http://localhost:3000/api/dashboards/uid/pet-classifier
  says '"title":"Pet classifier"'
  answers "Grafana's question to Prometheus" 200 \
    "http://localhost:3000/api/datasources/proxy/uid/prometheus/api/v1/query?query=pet_queue_depth"
  says '"result":\[{'
  compose --profile grafana rm --stop --force grafana
}

# knows QUERY: Prometheus looks at the service every ten seconds.
knows() {
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

takes_a_training() {
  asked=mlflow
  answers "MLflow's GET /health" 200 http://localhost:5000/health
  MLFLOW_TRACKING_URI=http://localhost:5000 "$program" train --dataset sample --data-dir "$work/sample" --epochs 1 \
    --experiment $name --model-name $name || fail "MLflow takes no training"
  keeps_the_training
}

# The other name of this machine, which the server has to let in as well.
keeps_the_training() {
  asked=mlflow
  export MLFLOW_TRACKING_URI=http://127.0.0.1:5000
  lists '"FINISHED"' runs list --experiment $name --json
  lists "\"$name\"" models list --json
}

# lists WORDS ARGUMENTS...
lists() {
  local words=$1
  shift
  "$program" "$@" >"$work/answer" || fail "\`pet-cli $*\` fails"
  says "$words"
  echo "pet-cli $*: $words"
}

fail() {
  echo "error: $*" >&2
  local service health
  while read -r service health; do
    [[ $health == healthy && $service != "$asked" ]] || compose logs --no-color --tail 30 "$service" >&2
  done < <(compose ps --all --format '{{.Service}} {{.Health}}')
  exit 1
}

# Short of time to stop, because Ctrl-C in `cargo xtask` waits no longer than 20 seconds.
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
