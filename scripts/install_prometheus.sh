#!/usr/bin/env bash
# Installs prometheus and promtool from Debian or Ubuntu, for tests/real/prometheus and `make load-demo`. Does nothing where
# both are there. Needs root, or a sudo that asks nobody. Debian's package also starts a server of its own on port 9090
# where there is a systemd; ours takes a port that is free.
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
"${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus
