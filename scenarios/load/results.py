"""What a load run leaves behind, live or simulated: one folder, written and read here and nowhere else.

    run.json        LoadRun: the profile, when and against what, what the generator says of itself
    requests.csv    one line for each request (live runs only)
    approved.csv    one line for each version that was approved, when it was first handed to the runtime
    landings.csv    one line for each line that came to stand in the ledger
    places.csv      where versions are that do not stand, by the word of the runtime or of their sender (live runs only)
    books.csv       how many versions of each entity were in which place at the end, likewise
    samples.csv     how runtime, mock systems and machine stood, second by second (live runs only)
    doors.csv       calls at the doors of the mock systems, second by second (live runs only)
    strikes.csv     misfortunes as they struck, second by second (live runs only)
    metrics.prom    what GET /metrics of the runtime said at the end (live runs only)
    findings.json   Findings: what journals and auditors say at the end, and what was not tried (live runs only)

Rule 1. Instants are milliseconds of run time: since `started_at_ms`, at which the first arrival was due.
Rule 2. Latency counts from the instant a version was approved, as the load model has it, whenever it was delivered.
Rule 3. A run that was cut off has a last line that is torn. It is left out; nothing else is forgiven.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Protocol, TextIO, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.cli import BadInputError
from scenarios.load.profile import LoadProfile

RUN_FILE = "run.json"
FINDINGS_FILE = "findings.json"
METRICS_FILE = "metrics.prom"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outage(_Told):
    """A time in which something that the runtime needs was not to be had. Milliseconds of run time."""

    kind: str
    """The kind of the fault, such as maintenance_announced; or what was killed."""
    what: str = ""
    """Account, entity or process; empty: everything."""
    from_ms: int
    until_ms: int


class GeneratorFigures(_Told):
    """What the generator says of itself. Rates are requests a second, averaged over the time of arrivals."""

    planned_per_s: float = Field(ge=0)
    reached_per_s: float = Field(ge=0)
    lateness_p50_ms: float = Field(ge=0)
    """From the intended to the real start of a request."""
    lateness_p99_ms: float = Field(ge=0)
    saturated: bool = False
    because: str = ""
    """Why it was the bottleneck; empty where it was not."""


class LoadRun(_Told):
    """A run, apart from its tables."""

    kind: Literal["live", "simulated"]
    profile: LoadProfile
    started_at_ms: int = 0
    """Wall clock, ms UTC, of the start of run time; 0 in a simulation."""
    ended_ms: int = 0
    """Run time at which nobody looked on any more; what had not landed by then never did."""
    url: str = ""
    runtime_version: str = ""
    interrupted: bool = False
    """Whether it was cut off; the numbers are those of a part of it then."""
    generator: GeneratorFigures | None = None
    outages: tuple[Outage, ...] = ()


class Findings(_Told):
    """What is known at the end of a live run besides its tables."""

    cores: int = Field(ge=1)
    settled: bool
    """Whether the runtime said that nothing was left to do."""
    ledger: bool = True
    """Whether anybody could look into the ledgers."""
    audit: dict[str, int]
    """Breach to how many, by the auditors of the simulated world over source and ledger; empty: they did not judge."""
    examples: tuple[str, ...] = ()
    """What they found, a few."""
    acknowledged: int = 0
    """Versions that the journals were asked about: those whose sender was told that they are safe."""
    acknowledged_unknown: int = 0
    """Of them, those that no journal knows."""
    frames: int = 0
    """Of the journals, verified against their hash chains."""
    violations: tuple[str, ...] = ()
    """Anything else that is wrong, in words."""
    not_tried: tuple[str, ...] = ()
    """Misfortunes of the scenario that cannot be made to happen here, and why."""
    unstruck: tuple[str, ...] = ()
    """Misfortunes that were planned and did not happen."""


class RequestRow(NamedTuple):
    """One request. `ended_ms` 0: it got no answer, and neither did `status`. Items as the answer counts them."""

    intended_ms: int
    started_ms: int
    ended_ms: int
    user: str
    status: int
    items: int
    accepted: int
    duplicate: int
    refused: int


class ApprovedRow(NamedTuple):
    """One version, as it was approved. `to_post`: whether it is to stand in the ledger, were it the entry's last."""

    entry: str
    version: int
    entity: str
    region: str
    approved_ms: int
    to_post: bool
    expected_minor: int | None
    """By the auditors' own pricing; None where nothing is to be billed, or nobody has a price."""
    currency: str


class LandingRow(NamedTuple):
    """One line of the ledger. `leg` is "post" or "reverse"; a reversal's amount is the negative of what it undoes."""

    entry: str
    version: int
    entity: str
    posted_ms: int
    leg: str
    amount_minor: int
    currency: str


class PlaceRow(NamedTuple):
    """Where one version is that has no line of its own.

    `place` is a place of the runtime, or "refused" (its sender gave up, `reason` says why), or "unknown": it was
    acknowledged, and the runtime never heard of it.
    """

    entry: str
    version: int
    entity: str
    place: str
    reason: str


class BookRow(NamedTuple):
    """How many versions of an entity are in a place at the end."""

    entity: str
    place: str
    versions: int


class SampleRow(NamedTuple):
    """One look at everything. Processor times and `busy_ms` count from the start of the process or the machine.

    Versions in each place are those of all entities; -1 where the runtime did not answer. `closed` are ERP accounts
    that the runtime takes for unusable.
    """

    at_ms: int
    runtime_rss_kb: int
    runtime_cpu_ms: int
    mocks_rss_kb: int
    mocks_cpu_ms: int
    busy_ms: int
    """Of all cores together."""
    in_flight: int
    staged: int
    in_doubt: int
    parked: int
    posted: int
    closed: int


class DoorRow(NamedTuple):
    """Calls of one kind that arrived at one account within a second, and had the same outcome."""

    at_ms: int
    account: str
    kind: str
    outcome: str
    calls: int
    rows: int


class StrikeRow(NamedTuple):
    """How often one kind of misfortune struck within a second."""

    at_ms: int
    kind: str
    times: int


MISSING = -(1 << 62)
"""What stands in a column of numbers where there is none."""
CHUNK_BYTES = 1 << 22

R = TypeVar("R", bound=tuple[Any, ...])
Codes = dict[str, int]
"""Text to number, in the order in which the texts were met."""
Column = NDArray[np.int64]


class Put(Protocol):
    """Writes rows, one after the other."""

    def __call__(self, rows: Iterable[tuple[Any, ...]], /) -> None: ...


class Table(Generic[R]):
    """One CSV file of a run: a header, then a row on each line."""

    def __init__(self, name: str, row: type[R]) -> None:
        self.name = name
        self._row = row
        hints = get_type_hints(row)
        self._header = list(hints)
        self._read = [_READ[hint] for hint in hints.values()]

    @contextmanager
    def writing(self, folder: Path) -> Iterator[Put]:
        """Write the file anew, row by row; what was written is there even if the block is left by an exception."""
        with (folder / self.name).open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(self._header) + "\n")
            rows = csv.writer(file, lineterminator="\n")

            def put(some: Iterable[tuple[Any, ...]]) -> None:
                rows.writerows([_plain(one) for one in some])

            yield put

    def write(self, folder: Path, rows: Iterable[R]) -> None:
        """Write the whole file."""
        with self.writing(folder) as put:
            put(rows)

    def read(self, folder: Path) -> Iterator[R]:
        """Every row, in its order. Raises BadInputError where the file is not one of ours."""
        read, make = self._read, self._row
        with self._opened(folder) as file:
            for number, row in enumerate(csv.reader(_whole_lines(file)), 2):
                try:
                    yield make(*[one(text) for one, text in zip(read, row, strict=True)])
                except ValueError as fault:
                    path = folder / self.name
                    raise BadInputError(f"{path}: line {number} cannot be read ({fault}); make the run anew") from fault

    def columns(self, folder: Path, codes: Mapping[str, Codes]) -> dict[str, Column]:
        """Every column as numbers: texts by the codes that `codes` has for their column, and goes on with.

        1.2 million rows of eight columns take 2.5 s of a core (measured). Raises BadInputError as `read` does.
        """
        names = self._header
        parts: list[list[Column]] = [[] for _ in names]
        with self._opened(folder) as file:
            while lines := file.readlines(CHUNK_BYTES):
                try:
                    for name, part, texts in zip(names, parts, _transposed(lines, len(names)), strict=True):
                        known = codes.get(name)
                        part.append(_coded(texts, known) if known is not None else _numbers(texts))
                except ValueError as fault:
                    raise BadInputError(f"{folder / self.name}: {fault}; make the run anew") from fault
        empty = np.empty(0, dtype=np.int64)
        return {name: np.concatenate(part) if part else empty for name, part in zip(names, parts, strict=True)}

    @contextmanager
    def _opened(self, folder: Path) -> Iterator[TextIO]:
        """The file behind its header. Raises BadInputError where it is not one of ours."""
        path = folder / self.name
        try:
            file = path.open(encoding="utf-8", newline="")
        except OSError as fault:
            why = (fault.strerror or "cannot be read").lower()
            raise BadInputError(f"{path}: {why}; give the folder of a load run") from fault
        with file:
            header = ",".join(self._header)
            if file.readline() != f"{header}\n":
                raise BadInputError(f"{path}: line 1 is not {header}; give the folder of a load run")
            yield file

    def there(self, folder: Path) -> bool:
        """Whether the run has this file."""
        return (folder / self.name).is_file()


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [int(one) if isinstance(one, bool) else "" if one is None else one for one in row]


def _transposed(lines: list[str], columns: int) -> Iterable[Sequence[str]]:
    """The columns of whole lines; a torn one at the end is left out (rule 3). Raises ValueError."""
    if not lines[-1].endswith("\n"):
        del lines[-1]
    text = "".join(lines)
    if '"' in text:
        return zip(*csv.reader(lines), strict=True) if lines else [()] * columns
    # Without quotes a comma ends a field and nothing else, so the whole chunk is cut at once.
    flat = text.replace("\n", ",").split(",")
    if len(flat) != len(lines) * columns + 1:
        raise ValueError(f"some line has more or fewer than {columns} fields")
    return [flat[number:-1:columns] for number in range(columns)]


def _coded(texts: Sequence[str], codes: Codes) -> Column:
    number = codes.setdefault
    return np.array([number(text, len(codes)) for text in texts], dtype=np.int64)


def _numbers(texts: Sequence[str]) -> Column:
    try:
        return np.fromiter(map(int, texts), dtype=np.int64, count=len(texts))
    except ValueError:
        return np.array([int(text) if text else MISSING for text in texts], dtype=np.int64)


def _whole_lines(file: Iterable[str]) -> Iterator[str]:
    return (line for line in file if line.endswith("\n"))


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return text == "1"


_READ: dict[Any, Any] = {str: str, int: int, bool: _flag, int | None: lambda text: int(text) if text else None}

REQUESTS = Table("requests.csv", RequestRow)
APPROVED = Table("approved.csv", ApprovedRow)
LANDINGS = Table("landings.csv", LandingRow)
PLACES = Table("places.csv", PlaceRow)
BOOKS = Table("books.csv", BookRow)
SAMPLES = Table("samples.csv", SampleRow)
DOORS = Table("doors.csv", DoorRow)
STRIKES = Table("strikes.csv", StrikeRow)


def write_run(folder: Path, run: LoadRun) -> None:
    """Write `run.json`, whole or not at all."""
    _write(folder, RUN_FILE, run)


def read_run(folder: Path) -> LoadRun:
    """What `run.json` says. Raises BadInputError with one line."""
    return _read_file(folder / RUN_FILE, LoadRun)


def write_findings(folder: Path, findings: Findings) -> None:
    """Write `findings.json`, likewise."""
    _write(folder, FINDINGS_FILE, findings)


def read_findings(folder: Path) -> Findings | None:
    """What `findings.json` says; None where the run has none."""
    path = folder / FINDINGS_FILE
    return _read_file(path, Findings) if path.is_file() else None


M = TypeVar("M", bound=BaseModel)


def _write(folder: Path, name: str, told: BaseModel) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{name}.new"
    new.write_text(told.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new.replace(folder / name)


def _read_file(path: Path, model: type[M]) -> M:
    try:
        text = path.read_bytes()
    except OSError as fault:
        why = (fault.strerror or "cannot be read").lower()
        raise BadInputError(f"{path}: {why}; give the folder of a load run") from fault
    try:
        return model.model_validate_json(text)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInputError(f"{path}: {where}: {first['msg'].lower()}; make the run anew") from fault
