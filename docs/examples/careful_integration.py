"""An integration that is none of ours and does it right: it asks the PSA and the ledger, over and over, and mends.

It remembers nothing. What should stand follows from the PSA's listing, what stands from the ledger, and the next call
is the difference; so a lost reply, a kill and an event that never came are all the same to it.
"""

import contextlib
import json
import os
import time
import urllib.error
import urllib.request
from decimal import ROUND_HALF_UP, Decimal

ERP, PSA = os.environ["SPRINGTIDE_ERP_URL"], os.environ["SPRINGTIDE_PSA_URL"]
REFERENCE, ENTITIES = os.environ["SPRINGTIDE_REFERENCE_URL"], os.environ["SPRINGTIDE_ENTITIES"].split(",")
RESTS = {}
"""Key of a refused row to how long it rests, and until when."""
MINOR = {"EUR": 2, "JPY": 0}
SAME = ("entry_id", "version", "project", "worker", "work_date", "quantity", "unit")


class WaitError(Exception):
    """The system said how long to stay away, or nothing; either way this round is over."""


def call(method, url, body=None):
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), method=method)
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as said:
        raise WaitError(int(said.headers.get("Retry-After") or 1)) from said
    except OSError as silence:
        raise WaitError(1) from silence


def rates():
    return [line for event in call("GET", REFERENCE) for line in event.get("lines", [])]


def row(entry, prices, sign=1):
    made = {name: entry[name] for name in SAME} | {"leg": "post", "accounting_date": entry["work_date"]}
    made |= {"key": f"{entry['entry_id']}/{entry['version']}"}
    for kind in ("bill", "cost"):
        who = (kind, f"{entry['home_entity']}|{entry['role']}")
        [price] = [
            one
            for one in prices
            if (one["kind"], one["scope_key"]) == who
            and one["valid_from"] <= entry["work_date"] < (one["valid_until"] or "9999")
        ]
        exact = Decimal(price["rate"]) * Decimal(entry["quantity"]) * 10 ** MINOR[price["currency"]]
        made[f"{kind}_minor"] = sign * int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        made[f"{kind}_currency"] = price["currency"]
    if sign < 0:
        made |= {
            "leg": "reverse",
            "reverses": made["key"],
            "key": f"{made['key']}/back",
            "quantity": f"-{made['quantity']}",
        }
    return made


def body_of(event):
    return event.get("entry", event)


def events(heads):
    return call("POST", f"{PSA}/publish", {"heads": heads})["events"]


def carry(entity, prices, told):
    """One round for one entity."""
    page, heads = "", []
    while True:
        listed = call("GET", f"{PSA}/published?entity={entity}&since_ms=0&page={page}")
        heads += listed["heads"]
        page = listed["next_page"]
        if not page:
            break
    latest = {}
    for entry_id, version in heads:
        latest[entry_id] = max(version, latest.get(entry_id, 0))
    if not latest:
        return
    found = call("GET", f"{ERP}/ledger/{entity}/lines?by=entry&names={','.join(latest)}")["lines"]
    standing = {line["key"]: line["entry_id"] for line in found}
    rows = []
    for key, entry_id in standing.items():
        if key != f"{entry_id}/{latest[entry_id]}":
            [old] = events([[entry_id, int(key.rsplit("/", 1)[1])]])
            rows.append(row(old["entry"], prices, -1))
    missing = [[one, version] for one, version in latest.items() if f"{one}/{version}" not in standing]
    current = {each["entry_id"]: each for each in map(body_of, events(missing))} if missing else {}
    says = {entry_id: "posted" for entry_id in latest if f"{entry_id}/{latest[entry_id]}" in standing}
    says |= {entry_id: "withdrawn" for entry_id, one in current.items() if "work_date" not in one}
    rows += [row(one, prices) for one in current.values() if "work_date" in one]
    rows = [one for one in rows if RESTS.get(one["key"], (0, 0))[1] <= time.monotonic()]
    answers = call("POST", f"{ERP}/ledger/{entity}/batches", {"rows": rows})["rows"] if rows else []
    for one, answer in zip(rows, answers, strict=True):
        if answer["status"] == "refused":
            rest = 2 * RESTS.get(one["key"], (0.5, 0))[0]
            RESTS[one["key"]] = (rest, time.monotonic() + rest)
            says[one["entry_id"]] = "parked"
    news = {entry_id: word for entry_id, word in says.items() if told.get(entry_id) != (latest[entry_id], word)}
    if news:
        now = time.time_ns()
        statuses = [
            {"entry_id": entry_id, "version": latest[entry_id], "status": word, "detail": "", "seq": now}
            for entry_id, word in news.items()
        ]
        call("POST", f"{PSA}/status", {"statuses": statuses})
        told.update({entry_id: (latest[entry_id], word) for entry_id, word in news.items()})


if __name__ == "__main__":
    known, prices = {}, []
    while True:
        try:
            prices = prices or rates()
            for each in ENTITIES:
                carry(each, prices, known)
            time.sleep(0.4)
        except WaitError as wait:
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(wait.args[0])
