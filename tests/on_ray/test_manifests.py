"""What the Kubernetes manifests tell Ray to start with is what this Ray takes. Nothing is started here."""

import re

from ray.scripts.scripts import start

from tests.deploy.test_k8s import cluster, container


def test_every_parameter_of_a_ray_node_is_an_option_of_this_ray() -> None:
    """KubeRay makes options of `ray start` of rayStartParams; one that it does not know keeps a pod from starting."""
    known = {option for parameter in start.params for option in parameter.opts}
    spec = cluster()
    asked = {
        f"--{name}" for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]) for name in group["rayStartParams"]
    }
    (gateway,) = container("gateway")["args"]
    joined = re.findall(r"--[a-z-]+", gateway[: gateway.index("&&")])

    assert len(asked) > 4
    assert {*asked, *joined, "--labels"} <= known
