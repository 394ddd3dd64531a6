"""Formulas of queueing theory that the plan is checked against. Pure arithmetic; knows neither scenario nor simulator.

    erlang_c        chance that a call finds all c places taken (M/M/c)      Erlang 1917, in Kleinrock 1975, ch. 3
    wait            mean wait of G/G/c                                       Allen and Cunneen, in Allen 1990, ch. 5
    fluid           backlog when more comes than can go                      Newell 1982, ch. 2: the rush hour

In a stationary hour the mean wait of a call is

    W = C(c, a) / (c / S - L) x (Ca2 + Cs2) / 2        a = L S

with L calls a second, S seconds each, Ca2 and Cs2 the squared coefficients of variation of the time between arrivals
and of service. For c = 1 it is Kingman's formula (Proc. Cambridge Phil. Soc. 57, 1961, 902-904), for Ca2 = Cs2 = 1
Erlang's. With arrivals that change over the day it is asked hour by hour with that hour's rate (pointwise stationary:
Green and Kolesar, Management Science 37, 1991, 84-97), which holds only while less comes than can go; when more comes,
the fluid backlog is the answer and the random part is small beside it (Jimenez and Koole, OR Spectrum 26, 2004,
413-422). So the two are added: the fluid part for the rush, the stationary part for the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log
from statistics import NormalDist


def erlang_c(places: int, load: float) -> float:
    """Chance that a call has to wait, of `places` and an offered load in Erlang; 1 where the load is too much."""
    assert places >= 1, "somebody serves"
    assert load >= 0, "nobody brings less than nothing"
    if load >= places:
        return 1.0
    # Erlang B by its recursion (no factorials, so no overflow), then C from B.
    blocked = 1.0
    for n in range(1, places + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / places * (1 - blocked))


def wait_s(rate: float, service_s: float, places: int, ca2: float, cs2: float) -> float:
    """Mean seconds that a call waits in a stationary G/G/c; infinite where more comes than can go."""
    load = rate * service_s
    if load >= places:
        return inf
    return erlang_c(places, load) / (places / service_s - rate) * (ca2 + cs2) / 2 if rate else 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """How long a call holds one of the places: mean in seconds, and squared coefficient of variation."""

    mean_s: float
    cv2: float


def lognormal(p50_s: float, p99_s: float) -> Service:
    """The log-normal with this median and 99th percentile."""
    sigma2 = (log(p99_s / p50_s) / NormalDist().inv_cdf(0.99)) ** 2
    return Service(p50_s * exp(sigma2 / 2), exp(sigma2) - 1)


def with_silence(served: Service, silent: float, deadline_s: float, added_s: float = 0.0) -> Service:
    """The same with `added_s` for every call, and a share of calls that are never answered and given up."""
    mean = served.mean_s + added_s
    second = served.cv2 * served.mean_s**2 + mean**2
    mean_all = (1 - silent) * mean + silent * deadline_s
    second_all = (1 - silent) * second + silent * deadline_s**2
    return Service(mean_all, second_all / mean_all**2 - 1)


def fluid(
    arrivals: Sequence[Sequence[float]],
    capacity: Sequence[float],
    again: float = 0.0,
    again_after: int = 0,
) -> list[list[float]]:
    """What each of several streams has had done by the end of each step, if they share a capacity fairly.

    `arrivals[i][t]` come in step t, `capacity[t]` can go; who brings less than an even share gets all of it, and the
    rest is shared by the others (max-min fairness, as an account that lets its entities take turns). A share `again`
    of what goes has to go once more `again_after` steps later and counts as done only then.
    """
    streams, steps = len(arrivals), len(capacity)
    waiting = [0.0] * streams
    done = [[0.0] * steps for _ in range(streams)]
    came_back = [[0.0] * (steps + again_after + 1) for _ in range(streams)]
    for t in range(steps):
        for i in range(streams):
            waiting[i] += arrivals[i][t] + came_back[i][t]
        left, turns = capacity[t], sorted(range(streams), key=waiting.__getitem__)
        for n, i in enumerate(turns):
            goes = min(waiting[i], left / (streams - n))
            waiting[i] -= goes
            left -= goes
            came_back[i][t + again_after] += goes * again
            done[i][t] = (done[i][t - 1] if t else 0.0) + goes * (1 - again)
    return done
