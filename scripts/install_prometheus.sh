#!/usr/bin/env bash
# Installs prometheus and promtool from Debian or Ubuntu, for tests/real/prometheus and `make load-demo`. Does nothing where
# both are there. Needs root, or a sudo that asks nobody. Prometheus is not started as a service.
set -euo pipefail

if command -v prometheus > /dev/null && command -v promtool > /dev/null; then
    exit 0
fi
if ! command -v apt-get > /dev/null; then
    echo "install_prometheus: no apt-get here; put prometheus and promtool (2.42 or newer) on the PATH" >&2
    exit 2
fi
become=()
if [ "$(id -u)" -ne 0 ]; then
    become=(sudo -n)
fi
"${become[@]}" apt-get update -qq
"${become[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus
