"""Many independent runs on a Ray cluster. A chunk of runs is one Ray task; a task that died is run again.

Runs are pure functions of their tasks, so here (and only here) Ray may retry: nothing outside is touched.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from runtime.cli import BadInputError
from scenarios.side_by_side import CHUNK, each_of

T = TypeVar("T")
R = TypeVar("R")


def on_ray(function: Callable[[T], R], tasks: Iterable[T], address: str, chunk: int = 4 * CHUNK) -> Iterator[R]:
    """The function of every task, on every core of the cluster at `address` ("local": one is started for it).

    Raises BadInputError where Ray is not installed or nobody answers. Springtide has to be installed on every node.
    """
    try:
        import ray
    except ImportError as fault:
        raise BadInputError('--ray: Ray is not installed; pip install "springtide[ray]"') from fault
    try:
        if address == "local":
            ray.init(_node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as fault:
        raise BadInputError(f"--ray {address}: {str(fault).splitlines()[0]}; give HOST:PORT or local") from fault
    try:
        remote: Any = ray.remote(num_cpus=1, max_retries=3)(each_of)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # ray does not say
        places = max(1, int(resources.get("CPU", 1)))
        offered = iter(tasks)
        waiting: list[Any] = []
        while True:
            while len(waiting) < 2 * places and (some := list(islice(offered, chunk))):
                waiting.append(remote.remote(function, some))
            if not waiting:
                return
            done, waiting = ray.wait(waiting, num_returns=1)
            yield from ray.get(done[0])
    finally:
        ray.shutdown()
