"""How a report says things: money, counts, shares, durations, instants, and the words of strangers.

The same words stand in the table, on the page and in the CI file, so that people can search for what they read.
"""

import re
import shlex
from datetime import UTC, datetime

from scenarios.report.model import Report

# ISO 4217, list one: currencies whose minor unit is not a hundredth (documented). Everything else has two digits.
MINOR_DIGITS: dict[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

PLACE_WORDS: dict[str, str] = {
    "unseen": "unseen",
    "in_flight": "in flight",
    "staged": "staged",
    "in_doubt": "in doubt",
    "posted": "posted",
    "parked": "parked",
    "superseded": "superseded",
    "waived": "waived",
    "excluded": "excluded",
}

PLACE_MEANINGS: dict[str, str] = {
    "unseen": "not yet durable here; none when a run has settled",
    "in_flight": "any other unfinished work, queued included",
    "staged": "the ERP accepted it and will post or reject it later",
    "in_doubt": "sent, outcome unknown",
    "posted": "its effect stands in the ledger",
    "parked": "cannot go on; has a reason, an owner, a fix and an event that wakes it",
    "superseded": "no net effect, because a later version replaced it",
    "waived": "given up by a person",
    "excluded": "not to be posted, by rule",
}

# What would move a terminal's cursor, end a line, break XML or turn the reading direction around.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """A stranger's text on one line, with control and direction characters shown as a replacement character."""
    return _UNPRINTABLE.sub("\ufffd", text)


def count(number: int) -> str:
    """1234567 -> "1,234,567"."""
    return f"{number:,}"


def several(number: int, noun: str) -> str:
    """(1, "row") -> "1 row", (1200, "row") -> "1,200 rows"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def hours(number: float) -> str:
    """1234.5 -> "1,234.50"."""
    return f"{number:,.2f}"


def money(minor: int, currency: str) -> str:
    """Minor units in the digits of the currency, without its name: (123456, "JPY") -> "123,456"."""
    digits = MINOR_DIGITS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}" + (f".{rest:0{digits}d}" if digits else "")


def share(ppm: int) -> str:
    """Parts per million as per cent; exact near none and near all, so that 999_999 is never "100 %"."""
    near_an_end = ppm < 10_000 or ppm > 990_000
    text = f"{ppm / 10_000:.4f}" if near_an_end else f"{ppm // 100 / 100:.2f}"
    return f"{text.rstrip('0').rstrip('.')} %"


# Seconds from which on two units are said, the larger and the smaller.
_SPANS: tuple[tuple[int, int, str, int, str], ...] = (
    (2 * 86_400, 86_400, "d", 3_600, "h"),
    (2 * 3_600, 3_600, "h", 60, "min"),
    (120, 60, "min", 1, "s"),
)


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 0.25 -> "250 ms", 75 -> "75 s", 9000 -> "2 h 30 min"; None -> "-"."""
    if seconds is None:
        return "-"
    if abs(seconds) < 1 and seconds:
        return f"{seconds * 1000:.0f} ms"
    for least, unit, name, smaller, smaller_name in _SPANS:
        if round(seconds) >= least:
            whole, rest = divmod(round(seconds), unit)
            return f"{whole} {name}" + (f" {rest // smaller} {smaller_name}" if rest // smaller else "")
    return f"{seconds:.1f}".removesuffix(".0") + " s"


def amount(value: float | None, unit: str, unmeasured: str = "") -> str:
    """A target or an actual of an SLA in its unit; None -> what `unmeasured` says, or "not measured"."""
    if value is None:
        return printable(unmeasured) or "not measured"
    if unit == "s":
        return duration(value)
    if unit == "ms":
        return duration(value / 1000)
    if unit == "ppm":
        return share(round(value))
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return f"{number} {unit}".strip()


def instant(at_ms: int) -> str:
    """Epoch milliseconds as "Tue 31 Mar 2026 17:30 UTC", in English whatever the locale."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]} {at.year} {at.hour:02d}:{at.minute:02d} UTC"


def day(at_ms: int) -> str:
    """Epoch milliseconds as the date in UTC: "31 Mar"."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at.day} {MONTHS[at.month - 1]}"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def kind_words(kind: str) -> str:
    """A kind in words: "lost_reply" -> "lost reply"."""
    return printable(kind).replace("_", " ")


def again(report: Report) -> str:
    """The command that shows the same run again."""
    words = ["springtide", "simulate", report.scenario_file or report.scenario, "--seed", str(report.seed)]
    if report.timesheet:
        words += ["--timesheet", report.timesheet]
        for option, value in zip(("--country", "--zone"), report.timesheet_at, strict=False):
            words += [option, value]
    if report.planted:
        words += ["--plant", report.planted.name]
    for path in sorted(report.overrides):
        words += ["--set", f"{path}={report.overrides[path]}"]
    return printable(shlex.join(words))
