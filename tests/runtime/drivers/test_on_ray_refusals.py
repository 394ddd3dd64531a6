"""What the Ray driver refuses before anything starts: journals that die, clusters that are open or elsewhere."""

import logging
from typing import Any, cast

import pytest

from runtime.configuration import ConfigurationError
from runtime.drivers.on_ray import Connection, OnRay, _set_up_environment, fleet
from runtime.metrics import Metrics
from runtime.ports import Store
from runtime.settings import Settings
from tests.runtime.drivers.a_fleet import the_settings

NO_STORE = cast(Store, None)


def settings_with(**parts: dict[str, Any]) -> Settings:
    """Settings of one entity, with these parts replaced."""
    return Settings.model_validate({**the_settings({"DE01": "emea"}).model_dump(), **parts})


def a_node(address: str, alive: bool = True) -> dict[str, Any]:
    """A node as Ray lists it."""
    return {"Alive": alive, "NodeManagerAddress": address, "Labels": {}}


@pytest.mark.parametrize(
    ("journal", "address", "why"),
    [
        ({"kind": "memory"}, "local", "memory ends with its process"),
        ({"kind": "sqlite"}, "127.0.0.1:6379", "a SQLite file dies with its node"),
    ],
)
def test_a_journal_that_dies_with_a_node_is_refused(journal: dict[str, str], address: str, why: str) -> None:
    """Without a journal that outlives its node there is no cluster."""
    with pytest.raises(ConfigurationError, match=why):
        fleet(settings_with(journal=journal), NO_STORE, address, {}, Metrics())


@pytest.mark.parametrize(
    ("journal", "address"),
    [
        ({"kind": "sqlite"}, "local"),
        ({"kind": "sqlite", "shared": True}, "127.0.0.1:6379"),
        ({"kind": "postgres", "dsn_env": "DSN"}, "127.0.0.1:6379"),
    ],
)
def test_a_journal_that_outlives_a_node_is_taken(journal: dict[str, str], address: str) -> None:
    """PostgreSQL, a directory that is declared shared, or one machine: nothing is refused, and nothing starts yet."""
    assert isinstance(fleet(settings_with(journal=journal), NO_STORE, address, {}, Metrics()), OnRay)


def test_ray_without_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever switched token authentication off is told to switch it on; where nothing was said, it is on."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigurationError, match="RAY_AUTH_MODE"):
        _set_up_environment("10.0.0.5:6379", {})


@pytest.mark.parametrize(
    ("networks", "addresses", "refused"),
    [
        (("127.0.0.0/8",), ("127.0.0.1",), ""),
        (("127.0.0.0/8",), ("127.0.0.1", "10.0.0.7"), "10.0.0.7"),
        (("10.0.0.0/8",), ("10.0.0.7",), ""),
        (("10.0.0.0/8", "not a network"), ("10.0.0.7",), "not a network"),
    ],
)
def test_nodes_outside_the_configured_networks_are_refused(
    networks: tuple[str, ...], addresses: tuple[str, ...], refused: str
) -> None:
    """A cluster with a living node elsewhere is refused with its address; dead nodes do not count."""
    connection = Connection(settings_with(ray={"networks": networks}), "127.0.0.1:6379", {})
    nodes = [*map(a_node, addresses), a_node("192.0.2.1", alive=False)]
    if refused:
        with pytest.raises(ConfigurationError, match=refused):
            connection._look_around(nodes)
    else:
        connection._look_around(nodes)
        assert connection.namespace == "springtide-acme"


def test_what_ray_does_not_protect_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Nodes that are not on loopback listen everywhere, and a cluster of one node has no regions: the log says both."""
    with caplog.at_level(logging.WARNING, "springtide.ray"):
        Connection(settings_with(ray={"networks": ("10.0.0.0/8",)}), "10.0.0.7:6379", {})._look_around(
            [a_node("10.0.0.7")]
        )
        Connection(settings_with(), "local", {})._look_around([a_node("127.0.0.1")])
    assert [text.split(";")[0] for text in caplog.messages] == [
        "Ray listens on every interface of its nodes",
        "a cluster of its own has one node: hosts of all regions run on it, whatever their region",
    ]
