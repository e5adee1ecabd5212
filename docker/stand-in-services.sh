#!/usr/bin/env bash
# Makes images of MLflow and Prometheus for machines that reach no image registry, beside the base images of
# docker/stand-in-bases.sh: all that docker/compose.yaml needs.
#
#   eval "$(docker/stand-in-services.sh)"
#   docker compose --file docker/compose.yaml up --build
#
# Prints the variables that name the images, those of the base images too; progress goes to the standard error. Images
# that are there already are kept. Needs what docker/stand-in-bases.sh needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/stand-ins.sh

# Debian's Prometheus is linked with the C library, which the base image has; wget is for the health check.
readonly prometheus_packages=(prometheus busybox-static)

main() {
  local bases
  bases=$(docker/stand-in-bases.sh)
  eval "$bases"
  local version
  version=$(sed -n 's|.*ghcr.io/mlflow/mlflow:v\([0-9.]*\).*|\1|p' docker/compose.yaml)
  # The base's tag names Debian's version.
  local mlflow="pet-stand-in-mlflow:$version" prometheus="pet-stand-in-prometheus:${RUNTIME_IMAGE##*:}"

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  missing "$mlflow" && make_mlflow "$version" "$mlflow"
  missing "$prometheus" && make_prometheus "$prometheus"
  echo "$bases"
  printf 'export %s=%q\n' MLFLOW_IMAGE "$mlflow" PROMETHEUS_IMAGE "$prometheus"
}

# As the public image: `mlflow` and its `python` come first on PATH.
make_mlflow() {
  local version=$1 tag=$2
  echo "making $tag" >&2
  docker build --network "$BUILD_NETWORK" --tag "$tag" - >&2 <<DOCKERFILE
FROM $PYTHON_IMAGE
RUN python3 -m venv /opt/mlflow \
 && /opt/mlflow/bin/pip install --quiet --no-cache-dir --only-binary=:all: mlflow==$version
ENV PATH=/opt/mlflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DOCKERFILE
}

# As the public image: the same paths, and the user `nobody`, who owns the folder of the data.
make_prometheus() {
  local tag=$1 root=$work/prometheus
  echo "making $tag" >&2
  mkdir -p "$root"/bin "$root"/prometheus
  unpack "$work/extracted" "${prometheus_packages[@]}"
  mv "$work/extracted/usr/bin/prometheus" "$work/extracted/bin/busybox" "$root/bin/"
  ln -s busybox "$root/bin/wget"
  docker build --tag "$tag" --file - "$root" >&2 <<DOCKERFILE
FROM $RUNTIME_IMAGE
COPY bin /bin/
COPY --chown=65534:65534 prometheus /prometheus
WORKDIR /prometheus
USER 65534:65534
ENTRYPOINT ["/bin/prometheus"]
DOCKERFILE
}

main
