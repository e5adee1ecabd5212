#!/usr/bin/env bash
# Creates images of MLflow and Prometheus and the base images of docker/stand-in-bases.sh on machines without an image
# registry: everything that docker/compose.yaml needs.
#
#   eval "$(docker/stand-in-services.sh)"
#   docker compose --file docker/compose.yaml up --build
#
# Prints the variables that name the images; progress goes to standard error. Existing images are kept. Needs the same as
# docker/stand-in-bases.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/stand-ins.sh

# Busybox provides wget for the health check.
readonly prometheus_packages=(prometheus busybox-static)

main() {
  local bases
  bases=$(docker/stand-in-bases.sh)
  eval "$bases"
  local version
  version=$(sed -n 's|.*ghcr.io/mlflow/mlflow:v\([0-9.]*\).*|\1|p' docker/compose.yaml)
  # The tag of the base image is Debian's version.
  local mlflow="pet-stand-in-mlflow:$version" prometheus="pet-stand-in-prometheus:${RUNTIME_IMAGE##*:}"

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  missing "$mlflow" && create_mlflow "$version" "$mlflow"
  missing "$prometheus" && create_prometheus "$prometheus"
  echo "$bases"
  printf 'export %s=%q\n' MLFLOW_IMAGE "$mlflow" PROMETHEUS_IMAGE "$prometheus"
}

# Like the public image: `mlflow` and its `python` are first on PATH.
create_mlflow() {
  local version=$1 tag=$2
  echo "creating $tag" >&2
  docker build --network "$BUILD_NETWORK" --tag "$tag" - >&2 <<DOCKERFILE
FROM $PYTHON_IMAGE
RUN python3 -m venv /opt/mlflow \
 && /opt/mlflow/bin/pip install --quiet --no-cache-dir --only-binary=:all: mlflow==$version
ENV PATH=/opt/mlflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DOCKERFILE
}

# Like the public image: the same paths, and the user `nobody` owns the data folder.
create_prometheus() {
  local tag=$1 root=$work/prometheus
  echo "creating $tag" >&2
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
