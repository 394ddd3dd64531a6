"""The container file: pinned, locked, without root, and with everything that it copies."""

import re
import tomllib

from tests.deploy.a_rule_book import DEPLOY

ROOT = DEPLOY.parent
STEPS = re.findall(
    r"^(FROM|RUN|COPY|USER|HEALTHCHECK|ENTRYPOINT|CMD|ENV) ((?:.*\\\n)*.*)",
    (ROOT / "Containerfile").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def said(step: str) -> list[str]:
    """What each step of a kind says."""
    return [text for name, text in STEPS if name == step]


def test_the_base_is_pinned_and_public() -> None:
    """Both stages begin with one tag of Docker's own Python, complete to the patch, of a Python that we take."""
    bases = {text.split()[0] for text in said("FROM")}

    (base,) = bases
    found = re.fullmatch(r"docker\.io/library/python:(\d+\.\d+)\.\d+-slim-\w+", base)
    assert found is not None
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == f">={found[1]}"


def test_everything_that_is_installed_has_its_hash() -> None:
    """pip takes the lock file with hashes, and the package itself from nowhere else."""
    installs = [text for text in said("RUN") if "pip install" in text]

    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "requirements/cluster.lock" in installs[0]
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(installs[1].split())


def test_what_is_copied_is_there_and_let_in() -> None:
    """Every path of a COPY is in the repository, and .containerignore lets it through and nothing else."""
    copied = [path for text in said("COPY") if "--from" not in text for path in text.split()[:-1]]
    let_in = [line[1:] for line in (ROOT / ".containerignore").read_text(encoding="utf-8").split() if line[0] == "!"]

    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert sorted(copied) == sorted(let_in)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) <= set(copied)


def test_it_runs_without_root_and_says_whether_it_lives() -> None:
    """The user is a number, the same as in the manifests; the health check asks /live; Ray wants its token."""
    manifests = (DEPLOY / "k8s" / "gateway.yaml").read_text(encoding="utf-8")

    assert said("USER") == ["10001:10001"]
    assert "runAsUser: 10001" in manifests
    assert "/live" in said("HEALTHCHECK")[0]
    assert "RAY_AUTH_MODE=token" in said("ENV")[-1]
    assert said("ENTRYPOINT") == ['["springtide"]']
