"""What a load run leaves behind, live or simulated: one folder, written and read here and nowhere else.

    run.json        LoadRun: the profile, when and against what, what the generator says of itself
    requests.csv    one line for each request (live runs only)
    approved.csv    one line for each version that was approved, when it was first handed to the runtime
    landings.csv    one line for each line that came to stand in the ledger

Rule 1. Instants are milliseconds of run time: since `started_at_ms`, at which the first arrival was due.
Rule 2. Latency counts from the instant a version was approved, as the load model has it, whenever it was delivered.
Rule 3. A run that was cut off has a last line that is torn. It is left out; nothing else is forgiven.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.cli import BadInputError
from scenarios.load.profile import LoadProfile

RUN_FILE = "run.json"


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


R = TypeVar("R", bound=tuple[Any, ...])


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
        path = folder / self.name
        try:
            file = path.open(encoding="utf-8", newline="")
        except OSError as fault:
            why = (fault.strerror or "cannot be read").lower()
            raise BadInputError(f"{path}: {why}; give the folder of a load run") from fault
        with file:
            rows = csv.reader(_whole_lines(file))
            if next(rows, None) != self._header:
                raise BadInputError(f"{path}: line 1 is not {','.join(self._header)}; give the folder of a load run")
            read, make = self._read, self._row
            for number, row in enumerate(rows, 2):
                try:
                    yield make(*[one(text) for one, text in zip(read, row, strict=True)])
                except ValueError as fault:
                    raise BadInputError(f"{path}: line {number} cannot be read ({fault}); make the run anew") from fault

    def there(self, folder: Path) -> bool:
        """Whether the run has this file."""
        return (folder / self.name).is_file()


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [int(one) if isinstance(one, bool) else "" if one is None else one for one in row]


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


def write_run(folder: Path, run: LoadRun) -> None:
    """Write `run.json`, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{RUN_FILE}.new"
    new.write_text(run.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new.replace(folder / RUN_FILE)


def read_run(folder: Path) -> LoadRun:
    """What `run.json` says. Raises BadInputError with one line."""
    path = folder / RUN_FILE
    try:
        text = path.read_bytes()
    except OSError as fault:
        why = (fault.strerror or "cannot be read").lower()
        raise BadInputError(f"{path}: {why}; give the folder of a load run") from fault
    try:
        return LoadRun.model_validate_json(text)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInputError(f"{path}: {where}: {first['msg'].lower()}; make the run anew") from fault
