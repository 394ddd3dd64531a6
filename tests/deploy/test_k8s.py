"""The Kubernetes manifests: one region, one group; nothing secret, nothing unbounded, nothing that finds no pod."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.configuration import read_settings
from runtime.settings import Settings
from tests.deploy.a_rule_book import DEPLOY

K8S = DEPLOY / "k8s"
ROOT = DEPLOY.parent
REGION = "ray.io/region"
RAY_CLUSTER = {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"serviceType", "rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "labels", "rayStartParams", "template"}
"""Of KubeRay's ray.io/v1 (documented; `labels` since 1.5), those that are used: an unknown field is dropped unread."""
Manifest = dict[str, Any]


def manifests() -> Iterator[Manifest]:
    """Everything in the folder but the kustomization."""
    for path in sorted(K8S.glob("*.yaml")):
        yield from (
            one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one["kind"] != "Kustomization"
        )


def of_kind(kind: str) -> list[Manifest]:
    """All manifests of a kind."""
    return [one for one in manifests() if one["kind"] == kind]


def cluster() -> Manifest:
    """The spec of the Ray cluster."""
    (one,) = of_kind("RayCluster")
    spec: Manifest = one["spec"]
    return spec


def pods() -> dict[str, Manifest]:
    """Every pod template by whose it is."""
    (gateway,) = of_kind("Deployment")
    spec = cluster()
    groups = {group["groupName"]: group["template"] for group in spec["workerGroupSpecs"]}
    return {"gateway": gateway["spec"]["template"], "head": spec["headGroupSpec"]["template"], **groups}


def container(name: str) -> Manifest:
    """The one container of a pod."""
    (one,) = pods()[name]["spec"]["containers"]
    found: Manifest = one
    return found


def secret_variables(name: str) -> dict[str, tuple[str, str]]:
    """Variable to (Secret, key) that a pod takes it from."""
    taken = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container(name)["env"] if "valueFrom" in one}
    return {variable: (ref["name"], ref["key"]) for variable, ref in taken.items()}


def settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the ConfigMap, as `springtide config check` reads them."""
    (config,) = of_kind("ConfigMap")
    path = folder / "springtide.toml"
    path.write_text(config["data"]["springtide.toml"], encoding="utf-8")
    return read_settings(path, environ)


@pytest.mark.parametrize("name", ["gateway", "emea", "amer", "apac"])
def test_the_settings_are_accepted_with_what_a_pod_has(name: str, tmp_path: Path) -> None:
    """`config check` finds no mistake, and every variable that the settings name comes from a Secret, in every pod."""
    environ = dict.fromkeys(secret_variables(name), "postgresql://db.example.com/springtide")

    read = settings(tmp_path, environ)

    needed = {read.journal.dsn_env, *(one.credential_env for one in read.accounts.values())}
    assert needed <= set(environ)
    assert (read.journal.kind, read.server.host) == ("postgres", "0.0.0.0")  # noqa: S104  inside its pod


def test_every_region_has_its_workers(tmp_path: Path) -> None:
    """A worker group for each region of the settings, labelled with it for Ray; no region is without, none is idle."""
    read = settings(tmp_path, dict.fromkeys(secret_variables("gateway"), "x://y"))
    groups = {group["labels"][REGION]: group for group in cluster()["workerGroupSpecs"]}

    assert sorted(groups) == sorted({one.region for one in read.entities.values()})
    assert len(groups) == len(cluster()["workerGroupSpecs"])
    assert set(read.placement.hosts_max) == set(groups)
    for region, group in groups.items():
        assert 2 <= group["replicas"] == group["minReplicas"] <= group["maxReplicas"]
        assert group["template"]["metadata"]["labels"]["springtide/region"] == region


def test_only_fields_that_kuberay_knows_are_used() -> None:
    """A field that the operator does not know is dropped without a word."""
    spec = cluster()

    assert set(spec) == RAY_CLUSTER
    assert set(spec["headGroupSpec"]) == HEAD
    assert all(set(group) == WORKERS for group in spec["workerGroupSpecs"])
    assert "labels" not in {name for group in spec["workerGroupSpecs"] for name in group["rayStartParams"]}
    every = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    assert all(isinstance(text, str) for group in every for text in group["rayStartParams"].values())


def test_ray_is_the_one_that_is_installed() -> None:
    """The version that KubeRay is told is the one that the image installs."""
    lock = (ROOT / "requirements" / "cluster.lock").read_text(encoding="utf-8")

    assert re.findall(r"^ray==([\d.]+)", lock, re.MULTILINE) == [cluster()["rayVersion"]]


def test_ray_runs_with_its_token_everywhere() -> None:
    """Every pod has the mode and the same Secret: without them anybody in the network runs code in it."""
    for name in pods():
        plain = {one["name"]: one.get("value") for one in container(name)["env"]}
        assert (plain["RAY_AUTH_MODE"], plain["RAY_USAGE_STATS_ENABLED"]) == ("token", "0")
        assert secret_variables(name)["RAY_AUTH_TOKEN"] == ("springtide-ray", "auth_token")


def test_the_gateway_joins_the_cluster_that_there_is() -> None:
    """KubeRay calls the head's service after the cluster; the gateway connects there and brings no region with it."""
    (one,) = of_kind("RayCluster")
    plain = {each["name"]: each.get("value") for each in container("gateway")["env"]}
    (command,) = container("gateway")["args"]

    assert plain["RAY_HEAD"] == f"{one['metadata']['name']}-head-svc:6379"
    assert "ray start" in command
    assert "--num-cpus=0" in command
    assert "--labels" not in command
    assert "exec springtide serve" in command


def test_every_pod_is_bounded_watched_and_harmless() -> None:
    """Requests and limits, three probes, no root, no writing beside its volumes, no token of the cluster."""
    for name, pod in pods().items():
        one, spec = container(name), pod["spec"]
        assert {"cpu", "memory"} <= set(one["resources"]["requests"]) & set(one["resources"]["limits"]), name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(one), name
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert {mount["name"] for mount in one["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
        assert {"/tmp", "/dev/shm"} <= {mount["mountPath"] for mount in one["volumeMounts"]}  # noqa: S108  Ray's


def test_probes_ask_what_there_is() -> None:
    """The gateway is asked over HTTP where it listens; Ray's ports are those that it is started with."""
    gateway = container("gateway")
    assert {gateway[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/live"}
    assert gateway["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http"}
    assert gateway["ports"] == [{"name": "http", "containerPort": 8080}]
    for group in cluster()["workerGroupSpecs"]:
        port = int(group["rayStartParams"]["node-manager-port"])
        (worker,) = group["template"]["spec"]["containers"]
        assert {worker[probe]["tcpSocket"]["port"] for probe in ("startupProbe", "readinessProbe")} == {port}


def test_whatever_selects_pods_finds_some() -> None:
    """Services, disruption budgets and network policies select labels that a pod has; each pod has its budget."""
    labels = {name: pod["metadata"]["labels"] for name, pod in pods().items()}

    def found(selector: Mapping[str, str]) -> set[str]:
        return {name for name, has in labels.items() if selector.items() <= has.items()}

    budgets = [found(one["spec"]["selector"]["matchLabels"]) for one in of_kind("PodDisruptionBudget")]
    assert all(len(names) == 1 for names in budgets)
    assert set().union(*budgets) == set(labels)
    assert found(of_kind("Service")[0]["spec"]["selector"]) == {"gateway"}
    policies = [found(one["spec"]["podSelector"]["matchLabels"]) for one in of_kind("NetworkPolicy")]
    assert policies == [set(labels), {"gateway"}]


def test_secrets_are_named_and_not_told() -> None:
    """Every Secret and key that a pod takes is in the example, where each is empty; the kustomization leaves it out."""
    example = {
        (one["metadata"]["name"], key): text for one in of_kind("Secret") for key, text in one["stringData"].items()
    }
    wanted = {ref for name in pods() for ref in secret_variables(name).values()}
    listed = yaml.safe_load((K8S / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]

    assert wanted == set(example)
    assert set(example.values()) == {""}
    assert sorted(listed) == sorted(
        path.name for path in K8S.glob("*.yaml") if path.name not in ("kustomization.yaml", "secrets.example.yaml")
    )


def test_the_image_is_named_in_one_place() -> None:
    """Every container has the plain name, which the kustomization replaces with where it was pushed, and a tag."""
    (image,) = yaml.safe_load((K8S / "kustomization.yaml").read_text(encoding="utf-8"))["images"]

    assert {container(name)["image"] for name in pods()} == {image["name"]}
    assert image["newTag"] not in ("", "latest")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_takes_it() -> None:
    """What `kubectl apply -k` would send is complete, in one namespace, with the image everywhere."""
    ran = subprocess.run(["kubectl", "kustomize", str(K8S)], capture_output=True, text=True, check=False)  # noqa: S607  theirs
    assert ran.returncode == 0, ran.stderr

    made = list(yaml.safe_load_all(ran.stdout))
    assert len(made) == len([one for one in manifests() if one["kind"] != "Secret"])
    assert {one["metadata"]["namespace"] for one in made} == {"springtide"}
    assert len(re.findall(r"image: registry\.example\.com/springtide:\S+", ran.stdout)) == len(pods())
