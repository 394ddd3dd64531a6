"""The runtime on a real Ray cluster: hosts die, move and vanish, and every approved entry stands exactly once."""

import os

import psutil  # type: ignore[import-untyped]  # it tells no types
import pytest

from runtime.core.news import EntryApproved
from runtime.core.partition.worth import KNOWN
from runtime.gateway.events import read_items
from runtime.ports import HostOrder
from tests.on_ray.a_deployment import REGIONS, Deployment, Everybody, accepted

pytestmark = pytest.mark.xdist_group("ray")
"""All of them share one cluster, so they run in one process."""


def test_every_partition_runs_in_its_own_region(deployment: Deployment) -> None:
    """Each entity's owner is a host of its region, and the process of that host belongs to the node of that region."""
    homes = deployment.homes()
    assert {entity: deployment.region_of(host) for entity, host in homes.items()} == {
        entity: where.region for entity, where in deployment.settings.entities.items()
    }
    processes = deployment.processes("HostActor")
    for region in REGIONS:
        hosts = {host for host in homes.values() if deployment.region_of(host) == region}
        assert sum(one == region for one in processes.values()) == len(hosts) > 0


def test_every_entity_has_a_forecast(deployment: Deployment) -> None:
    """What hosts report comes together where it is scraped: each entity, with what its account permits."""
    runtime = deployment.runtime
    assert runtime is not None
    missing = set(deployment.settings.entities)

    def all_told() -> bool:
        missing.difference_update(one.entity for one in deployment.do(runtime.forecasts()) if one.permitted is not None)
        return not missing

    deployment.until("every entity has a forecast", all_told)
    assert missing == set()


def test_ray_listens_on_loopback_alone(deployment: Deployment) -> None:
    """No process of the cluster, and not we, listen on anything but loopback."""
    listening = {
        one.laddr.ip
        for pid in (*deployment.processes(), os.getpid())
        for one in psutil.Process(pid).net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    }
    assert listening
    assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_a_killed_host_is_replaced_and_nothing_is_lost_or_doubled(deployment: Deployment) -> None:
    """kill -9 of a host while entries arrive: all are taken in, all stand once, and the host is replaced."""
    events = deployment.mocks.approve(1_500)
    before = deployment.homes()
    taking = [deployment.begin(deployment.take(events[first : first + 100])) for first in range(0, len(events), 100)]
    standing = deployment.mocks.audit()["standing"]
    deployment.until("some of them stand", lambda: deployment.mocks.audit()["standing"] > standing)
    victim = next(pid for pid, region in deployment.processes("HostActor").items() if region == "EMEA")
    deployment.kill(victim)
    receipts = [receipt for one in taking for receipt in one.result(60)]
    assert len(receipts) == len(events)
    audit = deployment.until_everything_stands()
    assert (audit["lost"], audit["double"], audit["wrong_amount"]) == (0, 0, 0), audit
    deployment.until_everything_is_carried()
    after = deployment.homes()
    lost = {host for host in before.values() if host not in after.values()}
    assert {deployment.region_of(host) for host in lost} == {"EMEA"}


def test_what_entries_are_worth_is_told_by_the_host_that_would_take_them_in(deployment: Deployment) -> None:
    """A dry run crosses to the owner and back: amounts before the entries come, nothing once they are known."""
    runtime = deployment.runtime
    assert runtime is not None
    events = deployment.mocks.approve(60)
    groups = read_items(events, Everybody(list(deployment.settings.entities)), 64).groups
    asked = {entity: [one for one in group.news if isinstance(one, EntryApproved)] for entity, group in groups.items()}
    for entity, approved in asked.items():
        told = deployment.do(runtime.worth(entity, approved))
        assert all(not one.why and one.currency for one in told)
        assert sum(one.bill_minor for one in told) > 0
    assert accepted(deployment.do(deployment.take(events))) == len(events)
    for entity, approved in asked.items():
        assert {one.why for one in deployment.do(runtime.worth(entity, approved))} == {KNOWN}
    deployment.until_everything_stands()


def test_a_rolling_restart_while_entries_arrive_loses_and_doubles_nothing(deployment: Deployment) -> None:
    """Every host is replaced by a new one while a burst is taken in; every entry stands once."""
    runtime = deployment.runtime
    assert runtime is not None
    old = set(deployment.do(runtime.hosts()))
    assert old == set(deployment.homes().values())
    deployment.store.office().order([HostOrder(host, "restart", "key:ops", "new build", 1) for host in sorted(old)])
    taken = 0
    while old & set(deployment.homes().values()):
        events = deployment.mocks.approve(200)
        taken += accepted(deployment.do(deployment.take(events)))
    deployment.until_everything_is_carried()
    assert taken >= 200
    audit = deployment.until_everything_stands()
    assert (audit["lost"], audit["double"], audit["wrong_amount"]) == (0, 0, 0), audit


def test_a_lost_node_is_waited_for_and_its_entities_run_again_when_it_is_back(deployment: Deployment) -> None:
    """Entities of a region without a node are refused for the moment and run nowhere else; nothing of them is lost."""
    region = "APAC"
    theirs = {entity for entity, where in deployment.settings.entities.items() if where.region == region}
    deployment.cluster.lose(region)
    events = deployment.mocks.approve(300)
    taking = deployment.begin(deployment.take(events))
    deployment.until("the others run on", lambda: set(deployment.homes()) == set(deployment.settings.entities) - theirs)
    deployment.cluster.start(region)
    deployment.until_everything_is_carried()
    assert len(taking.result(60)) == len(events)
    audit = deployment.until_everything_stands()
    assert (audit["lost"], audit["double"], audit["wrong_amount"]) == (0, 0, 0), audit


def test_everything_survives_the_loss_of_the_whole_cluster(deployment: Deployment) -> None:
    """Head and nodes are lost and started anew: what was accepted is known, and what was not posted yet is posted."""
    events = deployment.mocks.approve(400)
    receipts = deployment.do(deployment.take(events))
    deployment.down()
    deployment.up()
    again = deployment.do(deployment.take(events))
    assert len(receipts) == len(again) == len(events)
    assert accepted(again) == 0
    audit = deployment.until_everything_stands()
    assert (audit["lost"], audit["double"], audit["wrong_amount"]) == (0, 0, 0), audit
