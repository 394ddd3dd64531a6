"""Both ends of the real demo as they can be read: what the source's file says, and what is in Tryton's books.

    the file of decisions ──▶ the version of each entry that stands approved, and what the runtime told about it
    timesheet lines, invoices, moves ──▶ values to compare, in hours and minor units

Neither goes through the runtime, or through a connector of it: who judges asks by other ways.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from runtime.crosswalk import Crosswalk
from scenarios.real.hledger import Move, MoveLine
from scenarios.real.reconcile import ApprovedLine, Books, Invoice, InvoiceLine, TimeLine
from scenarios.real.tryton_client import TrytonClient

HOUR_S = 3_600
CENTS = 100
"""Both currencies of the demo have them."""


# ------------------------------------------------------------------ the source


def approved_lines(file: Path) -> list[ApprovedLine]:
    """The approvals that stand, by the source's own file of decisions."""
    latest: dict[str, dict[str, Any]] = {}
    told: dict[str, dict[str, Any]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        kept = json.loads(line)
        (latest if kept["type"] == "decided" else told)[kept["entry_id"]] = kept
    return [_approved(kept, told.get(name, {})) for name, kept in latest.items() if not kept.get("withdrawn")]


def _approved(kept: Mapping[str, Any], told: Mapping[str, Any]) -> ApprovedLine:
    entry = json.loads(kept["event"])["entry"]
    is_latest = told.get("version") == kept["version"]
    return ApprovedLine(
        kept["entry_id"],
        kept["version"],
        kept["entity"],
        entry["worker"],
        entry["project"],
        entry["task"],
        date.fromisoformat(entry["work_date"]),
        Decimal(entry["quantity"]),
        told["status"] if is_latest else "",
        told["detail"] if is_latest else "",
    )


# ------------------------------------------------------------------ the ERP


def read_books(client: TrytonClient, crosswalk: Mapping[str, Crosswalk]) -> Books:
    """Time, invoices and what was booked, of every legal entity."""
    lines: list[TimeLine] = []
    invoice_lines: list[InvoiceLine] = []
    invoices: list[Invoice] = []
    for entity, known in crosswalk.items():
        lines += _time(client, entity, known)
        found = list(_invoices(client, entity, known.company))
        invoices += found
        invoice_lines += _invoice_lines(client, known.company, [one.number for one in found])
    return Books(tuple(lines), tuple(invoice_lines), tuple(invoices))


def _time(client: TrytonClient, entity: str, known: Crosswalk) -> Iterator[TimeLine]:
    workers = {number: code for code, number in known.workers.items()}
    works = {number: code for code, number in known.works.items()}
    fields = ("employee", "date", "duration", "work", "uuid", "external_entry", "external_reverses", "invoice_line")
    company = ["company", "=", known.company]
    for line in client.read("timesheet.line", company, fields=fields, company=known.company):
        project, _, task = works[line["work"]].partition("/")
        yield TimeLine(
            line["id"],
            entity,
            line["uuid"],
            line["external_entry"],
            _version(line["uuid"]),
            workers[line["employee"]],
            project,
            task,
            line["date"],
            Decimal(str(line["duration"])) / HOUR_S,
            line["external_reverses"] or "",
            line["invoice_line"],
        )


def _version(uuid: str) -> int:
    """The version in a key: tenant/home/entry/version/kind/leg/intent."""
    parts = uuid.rsplit("/", 4)
    return int(parts[1]) if len(parts) == 5 and parts[1].isdigit() else 0


def _invoices(client: TrytonClient, entity: str, company: int) -> Iterator[Invoice]:
    fields = ("number", "state", "currency.code", "untaxed_amount", "move")
    booked = _revenue(client, company)
    ours = (["company", "=", company], ["type", "=", "out"])
    for one in client.read("account.invoice", *ours, fields=fields, company=company):
        yield Invoice(
            one["id"],
            entity,
            one["number"] or "",
            one["state"],
            one["currency."]["code"],
            _minor(one["untaxed_amount"]),
            booked.get(one["move"], 0),
        )


def _invoice_lines(client: TrytonClient, company: int, invoices: list[int]) -> Iterator[InvoiceLine]:
    fields = ("invoice", "quantity", "unit_price", "amount")
    wanted = (["invoice", "in", invoices], ["type", "=", "line"])
    for one in client.read("account.invoice.line", *wanted, fields=fields, company=company):
        hours = Decimal(str(one["quantity"]))
        yield InvoiceLine(one["id"], one["invoice"], hours, _minor(one["unit_price"]), _minor(one["amount"]))


def _revenue(client: TrytonClient, company: int) -> dict[int, int]:
    """Move to what it books as revenue, in minor units."""
    booked: dict[int, int] = {}
    of_revenue = (["move.company", "=", company], ["account.type.revenue", "=", True])
    fields = ("move", "debit", "credit")
    for line in client.read("account.move.line", *of_revenue, fields=fields, company=company):
        booked[line["move"]] = booked.get(line["move"], 0) + _minor(line["credit"] - line["debit"])
    return booked


def read_moves(client: TrytonClient, crosswalk: Mapping[str, Crosswalk]) -> list[Move]:
    """Every posted move of every legal entity."""
    return [move for entity, known in crosswalk.items() for move in _moves(client, entity, known.company)]


def _moves(client: TrytonClient, entity: str, company: int) -> Iterator[Move]:
    (currency,) = client.read("company.company", ["id", "=", company], fields=("currency.code",), company=company)
    sides: dict[int, list[MoveLine]] = {}
    fields = ("move", "account.code", "account.name", "debit", "credit")
    for line in client.read("account.move.line", ["move.company", "=", company], fields=fields, company=company):
        account = " ".join(filter(None, (line["account."]["code"], line["account."]["name"])))
        sides.setdefault(line["move"], []).append(MoveLine(account, _minor(line["debit"] - line["credit"])))
    posted = (["company", "=", company], ["state", "=", "posted"])
    said = ("number", "date", "description")
    for move in client.read("account.move", *posted, fields=said, company=company):
        lines = tuple(sides.get(move["id"], ()))
        text = move["description"] or ""
        yield Move(entity, move["number"], move["date"], text, currency["currency."]["code"], lines)


def _minor(amount: Decimal) -> int:
    """Whole cents. Tryton keeps amounts with the digits of their currency, and this firm's rates have no others."""
    cents = amount * CENTS
    assert cents == int(cents), f"{amount}: an amount with more digits than its currency has"
    return int(cents)
