"""A sender for tests of the rig: every request of a load at its instant, on a few threads, tried until answered."""

import hmac
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Lock
from time import sleep, time
from urllib.parse import urlsplit

from scenarios.load.deliveries import Delivery, Entry, deliveries
from scenarios.load.results import APPROVED, REQUESTS, GeneratorFigures, LoadRun, RequestRow, write_run
from scenarios.load.rig import Rig

THREADS = 32
TAKEN = (200, 202)
AGAIN = (0, 429, 503)
FOREVER_MS = 60_000
"""How long after the last arrival a request is tried again."""


class ASender:
    """Sends one load, and writes what a generator writes."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder
        self.rows: list[RequestRow] = []
        self.unanswered: list[Entry] = []
        self._lock = Lock()

    def send_all(self, until_ms: int = sys.maxsize) -> None:
        """Send everything that is due before this instant of run time, and wait for the answers."""
        coming: Sequence[Delivery] = [one for one in deliveries(self.rig.profile) if one.at_ms < until_ms]
        self.rig.begin(int(time() * 1000) + 500)
        with ThreadPoolExecutor(THREADS) as pool:
            for one in coming:
                sleep(max(0.0, (one.at_ms - self.rig.now_ms()) / 1000))
                pool.submit(self._send, one)
        APPROVED.write(self.folder, [row for one in coming for row in one.approved])
        REQUESTS.write(self.folder, self.rows)

    def finish(self, *, interrupted: bool = False) -> None:
        """Let the rig finish, and write what the run was."""
        self.rig.finish(self.unanswered, whole=not interrupted)
        arrivals = sum(1 for row in self.rows if row.user != "again")
        rate = arrivals * 1000 / self.rig.profile.run_ms
        figures = GeneratorFigures(planned_per_s=rate, reached_per_s=rate, lateness_p50_ms=0, lateness_p99_ms=0)
        run = LoadRun(
            kind="live",
            profile=self.rig.profile,
            started_at_ms=self.rig.started_at_ms,
            ended_ms=self.rig.now_ms(),
            url=self.rig.url,
            runtime_version=self.rig.runtime_version,
            interrupted=interrupted,
            generator=figures,
            outages=self.rig.outages,
        )
        write_run(self.folder, run)

    def _send(self, one: Delivery) -> None:
        intended_ms = one.at_ms
        while True:
            row = self._once(one, intended_ms)
            with self._lock:
                self.rows.append(row)
            if row.status not in AGAIN or one.method != "POST":
                break
            if self.rig.now_ms() > self.rig.profile.run_ms + FOREVER_MS:
                break
            sleep(0.2)
            intended_ms = self.rig.now_ms()
        if row.status not in TAKEN:
            with self._lock:
                self.unanswered += one.entries

    def _once(self, one: Delivery, intended_ms: int) -> RequestRow:
        rig = self.rig
        headers = dict(one.headers)
        if one.to == "runtime" and one.signed_by:
            at = b"%d" % int(time())
            digest = hmac.new(rig.secrets[one.signed_by].encode(), at + b"." + one.body, "sha256").hexdigest()
            headers["Springtide-Signature"] = f"t={at.decode()},v1={digest}"
        elif one.to == "runtime":
            headers["Authorization"] = f"Bearer {rig.key}"
        started_ms = rig.now_ms()
        status, told = self._ask(rig.url if one.to == "runtime" else rig.source_url, one, headers)
        ended_ms = rig.now_ms() if status else 0
        accepted, duplicate = told.count(b'"taken":"accepted"'), told.count(b'"taken":"duplicate"')
        refused = told.count(b'"taken":"refused"') + told.count(b'"taken":"quarantined"')
        items = len(one.entries)
        return RequestRow(intended_ms, started_ms, ended_ms, one.user, status, items, accepted, duplicate, refused)

    @staticmethod
    def _ask(url: str, one: Delivery, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            connection.request(one.method, one.path, one.body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()
