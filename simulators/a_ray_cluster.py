"""A throw-away Ray cluster of several nodes on one machine, on loopback alone: for demos and tests.

    cluster = start_ray_cluster(["emea", "amer", "apac"], token_hex(32))     the first is the head
    cluster.address, cluster.environ                                         what a driver connects to, and with
    cluster.lose("apac")                                                     every process of that node is killed
    cluster.start("apac")                                                    and it comes back
    cluster.stop()

Each node is `ray start --block` in a session of its own, with token authentication. Ray 2.60 replaces the address
127.0.0.1 by an outward one of the machine, and lets no node join where it is told not to; so the programs of Ray are
started here with that one function replaced. On 127.0.0.1 it then listens there and nowhere else (measured).

A node ends when our end of its standard input closes: when we say so, or die in whatever way. Killing its first
process alone would leave workers running for seconds, which is a zombie and no lost node.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
STARTED = "Ray runtime started"
START_S = 60.0

_NODE = """
import os, signal, sys, threading
from ray._private import services
import psutil

def end_with_our_parent():
    sys.stdin.buffer.read()
    for pid in [pid for pid in psutil.pids() if pid != os.getpid()]:
        try:
            if os.getsid(pid) == os.getsid(0):
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=end_with_our_parent, daemon=True).start()
services.get_node_ip_address = lambda address=None: "127.0.0.1"
from ray.scripts.scripts import main
main()
"""


class RayCannotStartError(Exception):
    """A node did not come up; the text ends with what it said last."""


class RayCluster:
    """Nodes by region; the first one is the head, and with it the cluster ends."""

    def __init__(self, regions: Sequence[str], token: str, environ: Mapping[str, str] | None = None) -> None:
        """`token` is what everybody shows to everybody (at least 16 characters, drawn by chance).

        `environ` is what processes on the nodes find in their environment besides ours: secrets, above all.
        """
        self._regions = tuple(regions)
        self._folder = Path(tempfile.mkdtemp(prefix="st-ray-"))
        self._port = _a_free_port()
        self.address = f"{LOOPBACK}:{self._port}"
        self.environ = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            "RAY_USAGE_STATS_ENABLED": "0",
            # A lost node is noticed after 3 s instead of half a minute, which is what large clusters are content with.
            "RAY_health_check_initial_delay_ms": "1000",
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
        }
        self._node_environ = {**os.environ, **(environ or {}), **self.environ}
        # What a driver is told about loopback would keep nodes from joining.
        self._node_environ.pop("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", None)
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, region: str) -> None:
        """Start the node of a region. Raises RayCannotStartError."""
        head = region == self._regions[0]
        where = (
            ("--head", f"--port={self._port}", "--include-dashboard=false") if head else (f"--address={self.address}",)
        )
        temporary = (f"--temp-dir={self._folder}",) if head else ()
        said = self._folder / f"{region}.log"
        with said.open("wb") as log:
            node = subprocess.Popen(  # noqa: S603  # our own interpreter, arguments of our own
                [
                    *(sys.executable, "-c", _NODE, "start", *where, *temporary, f"--node-ip-address={LOOPBACK}"),
                    *("--block", "--num-cpus=1", "--object-store-memory=80000000", "--include-log-monitor=false"),
                    *(f"--labels=ray.io/region={region}", "--disable-usage-stats"),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._node_environ,
                start_new_session=True,
            )
        self._nodes[region] = node
        ends = time.monotonic() + START_S
        while STARTED not in said.read_text(errors="replace"):
            if node.poll() is not None or time.monotonic() > ends:
                self.lose(region)
                raise RayCannotStartError(f"node of {region}: {said.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def lose(self, region: str) -> None:
        """Every process of the node is killed."""
        node = self._nodes.pop(region)
        assert node.stdin is not None, "it was started with a pipe"
        node.stdin.close()
        node.wait()

    @property
    def sessions(self) -> Path:
        """Where Ray keeps a folder for each of its sessions, with the logs of all processes."""
        return self._folder

    def runs(self, region: str) -> bool:
        """Whether the region's node was started and not lost."""
        return region in self._nodes

    def session(self, region: str) -> int:
        """The session that every process of the node belongs to, its hosts included."""
        return self._nodes[region].pid

    def stop(self) -> None:
        """End all nodes, the head last, and remove what they left."""
        for region in reversed(self._regions):
            if region in self._nodes:
                self.lose(region)
        shutil.rmtree(self._folder, ignore_errors=True)


def start_ray_cluster(regions: Sequence[str], token: str, environ: Mapping[str, str] | None = None) -> RayCluster:
    """A running cluster with a node for each region; the first is the head. Raises RayCannotStartError.

    Nodes are started one after the other: two that start at once on one address miss each other (measured).
    """
    cluster = RayCluster(regions, token, environ)
    try:
        for region in regions:
            cluster.start(region)
    except RayCannotStartError:
        cluster.stop()
        raise
    return cluster


def _a_free_port() -> int:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        port: int = taken.getsockname()[1]
        return port
