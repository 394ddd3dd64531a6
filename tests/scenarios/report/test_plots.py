"""Pictures keep peaks, round scales and honest widths."""

from scenarios.report import plots
from scenarios.report.model import Band, EntitySeries, Percentiles, Series

DAY = plots.DAY_MS
MONDAY = 1_772_409_600_000  # 2026-03-02T00:00Z


def test_thinning_keeps_the_peak():
    """A peak of one sample among thousands is still the peak of the picture."""
    values = [0] * 10_000
    values[6_543] = 77

    thin = plots.thinned(values, 100)

    assert len(thin) <= 100
    assert max(thin) == 77


def test_the_firm_is_the_sum_of_its_entities():
    """All entities together, also where one's samples end early: it keeps its last value."""
    series = Series(1, 0, {"A": EntitySeries(backlog=[1, 2, 3]), "B": EntitySeries(backlog=[10])})

    assert plots.whole_firm(series).backlog == [11, 12, 13]


def test_throughput_is_a_difference():
    """Standing totals become rows per hour of their step, and a total that falls is no negative throughput."""
    assert plots.per_hour([10, 10, 40, 35], plots.HOUR_MS // 2) == [20, 0, 60, 0]


def test_weekends_are_saturdays_and_sundays():
    """The shaded days are the sixth and the seventh of a week, cut at the ends of the axis."""
    axis = plots.Axis(MONDAY, MONDAY + 7 * DAY - 1)

    assert axis.weekends() == [(MONDAY + 5 * DAY, MONDAY + 6 * DAY), (MONDAY + 6 * DAY, MONDAY + 7 * DAY - 1)]


def test_ticks_are_whole_days_with_dates():
    """A month is labelled with dates, a day with hours."""
    month = plots.Axis(MONDAY, MONDAY + 31 * DAY).ticks()
    one_day = plots.Axis(MONDAY, MONDAY + DAY).ticks()

    assert month[0] == (MONDAY, "Mon 2 Mar")
    assert len(month) <= 15
    assert [words for _, words in one_day[:2]] == ["2 Mar", "02:00"]


def test_overlapping_bad_times_count_once():
    """Two windows over the same hour are one hour of lost availability."""
    bands = [Band("erp", "maintenance", 0, 100), Band("erp", "login", 50, 120), Band("erp", "login", 200, 210)]

    assert plots.covered_ms(bands) == 130


def test_a_short_window_does_not_vanish():
    """A minute of maintenance in a month is at least two pixels wide, and stays inside its lane."""
    series = Series(DAY, MONDAY, {"DE01": EntitySeries(backlog=[1] * 31, posted=[1] * 31)})
    bands = [Band("erp", "maintenance", MONDAY + DAY, MONDAY + DAY + 60_000)]

    picture = plots.small_chart("DE01", series.entities["DE01"], series, bands, [])

    assert "h2v14h-2z" in picture


def test_percentiles_lie_on_the_scale_in_their_order():
    """p50, p95 and p99 are drawn from left to right, the slowest entity inside the picture."""
    slow, fast = Percentiles(60, 4_000, 90_000, 91_000, 5), Percentiles(0.2, 0.9, 2, 3, 5)
    scale = plots.log_scale([slow, fast])

    at = [scale.x(seconds) for seconds in (0.2, 60, 4_000, 90_000)]
    assert at == sorted(at)
    assert 0 < at[0] < at[-1] < scale.width


def test_a_small_part_stays_visible():
    """One parked version in a million has a bar that can be seen, and never rounds to nothing said."""
    bar = plots.split_bar("EUR", [("posted", 1_000_000), ("parked", 1)])

    assert bar is not None
    assert "parked 0 %" in bar or "parked 0.0001 %" in bar
    assert bar.count("<rect") == 2


def test_the_busiest_hours_hold_the_peak():
    """The close-up of a long run shows its highest backlog; a short run needs none."""
    series = Series(plots.HOUR_MS, MONDAY)
    backlog = [0] * 700
    backlog[650] = 9

    window = plots.busiest(EntitySeries(backlog=backlog), series)

    assert window is not None
    assert window[0] <= MONDAY + 650 * plots.HOUR_MS <= window[1]
    assert window[1] - window[0] == 72 * plots.HOUR_MS
    assert plots.busiest(EntitySeries(backlog=backlog[600:]), series) is None
