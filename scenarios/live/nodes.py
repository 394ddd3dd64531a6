"""Where hosts really run: not what they say of themselves, but whose process it is.

A node of a throw-away cluster (`simulators.a_ray_cluster`) is a session of its own, and every process that it starts
is in it. So the operating system says to which node, and by that to which region, a host's process belongs. Which
entity ran in a process is read from that process's own log.
"""

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from simulators.a_ray_cluster import RayCluster

HEAD = "head"
"""The label of the head: no entity's region, so no host runs there."""
HOST_PROCESS = "ray::HostActor"
"""How Ray names a process with one of our hosts."""
RUNS = "the partition runs"
"""What a host logs when it carries an entity."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An entity was carried by a process of the node of this region; "": of no node that was seen with it."""

    entity: str
    pid: int
    region: str


@dataclass(slots=True)
class Hosts:
    """The host processes on the nodes of a cluster."""

    cluster: RayCluster
    regions: tuple[str, ...]
    region_of: dict[int, str] = field(default_factory=dict)
    """Every host process that was ever seen, and the region of its node."""

    def look(self) -> dict[int, str]:
        """Process to region of every host that lives now."""
        nodes = {self.cluster.session(one): one for one in (HEAD, *self.regions) if self.cluster.runs(one)}
        living = {}
        told = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607  # ps is where the system has it
        for line in told.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            if command.lstrip().startswith(HOST_PROCESS):
                with suppress(ProcessLookupError, PermissionError):
                    session = os.getsid(int(pid))
                    if session in nodes:
                        living[int(pid)] = nodes[session]
        self.region_of.update(living)
        return living

    def kill(self, pid: int) -> None:
        """SIGKILL to one of them."""
        assert pid in self.look(), f"{pid} is no host of ours"
        os.kill(pid, signal.SIGKILL)

    def keep_logs(self, folder: Path) -> None:
        """Copy what all processes of the cluster wrote into this folder."""
        for session in self.cluster.sessions.glob("session_2*"):
            shutil.copytree(session / "logs", folder / "ray", dirs_exist_ok=True)

    def sightings(self) -> list[Sighting]:
        """Every entity with every process that ever carried it."""
        found: dict[Sighting, None] = {}
        for log in self.cluster.sessions.glob("session_2*/logs/worker-*.err"):
            pid = int(log.stem.rsplit("-", 1)[1])
            for line in log.read_text(errors="replace").splitlines():
                if RUNS in line:
                    with suppress(json.JSONDecodeError, KeyError):
                        found[Sighting(json.loads(line)["entity"], pid, self.region_of.get(pid, ""))] = None
        return list(found)
