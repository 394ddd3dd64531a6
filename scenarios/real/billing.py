"""Invoices from hours: what a person in finance does at the end of a month, as a tool, and idempotent by Tryton's own guards.

    project.work.invoice ──▶ a draft for each project that has something to bill up to the cut-off
    account.invoice.post ──▶ a number, a move in the books
    read back            ──▶ which entry is on which invoice, hours, rates, amounts

The runtime posts time; it makes no invoices yet, so this is no part of it. Any step may be repeated: a draft that is
there holds its lines, and Tryton refuses to invoice what is on an invoice, or to post what is posted (measured). After
an answer that never came the state is read, and only what is still to be done is done.

A warning is a question to a person. Here that person has said beforehand which ones to answer with yes, by name;
every other one stops the invoice, and is told.
"""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from runtime.core.value import value
from scenarios.real.tryton_client import TrytonClient, TrytonRefusedError

NOTHING_TO_DO = 'You can not call "'
"""What Tryton says of a step that was done before."""
ALLOWED: tuple[str, ...] = ("invoice_payment_term",)
"""Warnings that are answered with yes, by the end of their name: an invoice whose terms of payment are over."""


class BillingStoppedError(Exception):
    """An invoice needs a person: one line that says why."""


@value
class InvoiceLine:
    """A line of an invoice: hours of one task at one rate."""

    description: str
    hours: Decimal
    rate: Decimal
    amount: Decimal


@value
class Invoice:
    """A posted invoice as it reads in Tryton."""

    number: str
    move: str
    project: str
    net: Decimal
    lines: tuple[InvoiceLine, ...]


@value
class Billed:
    """A timesheet line as it reads after billing. `key` is the line's uuid, or what its description has in brackets."""

    key: str
    entry_id: str
    work: int
    day: date
    seconds: Decimal
    invoice: str


def bill(client: TrytonClient, company: int, cut_off: date, dated: date, allowed: Sequence[str] = ALLOWED) -> None:
    """Invoice what was worked until the cut-off (inclusive), and post every draft. Raises BillingStoppedError."""
    method = ("project_invoice_method", "=", "timesheet")
    projects = client.find("project.work", ["company", "=", company], ["type", "=", "project"], method, company=company)
    client.call("model.project.work.write", projects, {"project_invoice_timesheet_up_to": cut_off}, company=company)
    for project in projects:
        _step(client, "model.project.work.invoice", project, company, allowed)
    for invoice in _drafts(client, company):
        said = {"invoice_date": dated, "reference": f"time until {cut_off}"}
        client.call("model.account.invoice.write", [invoice], said, company=company)
        _step(client, "model.account.invoice.post", invoice, company, allowed)
    left = _drafts(client, company)
    if left:
        raise BillingStoppedError(f"{len(left)} invoices of company {company} are still drafts")


def _drafts(client: TrytonClient, company: int) -> list[int]:
    """Invoices with time on them that are not posted. Drafts that a person made for something else are not ours."""
    unposted = (["company", "=", company], ["invoice_line.invoice.state", "in", ["draft", "validated"]])
    found = client.read("timesheet.line", *unposted, fields=("invoice_line.invoice",), company=company)
    return sorted({line["invoice_line."]["invoice"] for line in found})


def _ours(company: int) -> list[Any]:
    return [["company", "=", company], ["type", "=", "out"]]


def _step(client: TrytonClient, method: str, record: int, company: int, allowed: Sequence[str]) -> None:
    """Take a step, unless it was taken; answer the warnings that are allowed, each once."""
    answered: set[str] = set()
    while True:
        try:
            client.call(method, [record], company=company)
            return
        except TrytonRefusedError as refused:
            if refused.message.startswith(NOTHING_TO_DO):
                return
            if not refused.warning or refused.warning in answered or not refused.warning.endswith(tuple(allowed)):
                raise BillingStoppedError(f"{method} {record}: {refused.message}") from refused
            answered.add(refused.warning)
            client.call("model.res.user.warning.skip", refused.warning, False, company=company)


def invoices(client: TrytonClient, company: int) -> list[Invoice]:
    """The posted invoices of a company."""
    fields = ("number", "move.number", "description", "untaxed_amount")
    posted = [*_ours(company), ["state", "in", ["posted", "paid"]]]
    found = client.read("account.invoice", *posted, fields=fields, company=company)
    of_line = ("invoice", "description", "quantity", "unit_price", "amount")
    wanted = ["invoice", "in", [one["id"] for one in found]]
    lines: dict[int, list[InvoiceLine]] = {}
    for line in client.read("account.invoice.line", wanted, fields=of_line, company=company):
        hours = Decimal(str(line["quantity"]))
        read = InvoiceLine(line["description"] or "", hours, line["unit_price"], line["amount"])
        lines.setdefault(line["invoice"], []).append(read)
    return [
        Invoice(
            one["number"],
            one["move."]["number"],
            one["description"] or "",
            one["untaxed_amount"],
            tuple(lines.get(one["id"], ())),
        )
        for one in found
    ]


def billed(client: TrytonClient, company: int, keyed: bool) -> list[Billed]:
    """Every timesheet line of a company, with the number of its invoice (empty: on none yet)."""
    fields = ["description", "work", "date", "duration", "invoice_line.invoice.number"]
    if keyed:
        fields += ["uuid", "external_entry"]
    found = client.read("timesheet.line", ["company", "=", company], fields=tuple(fields), company=company)
    read = []
    for line in found:
        key, entry_id = line.get("uuid") or "", line.get("external_entry") or ""
        if not keyed:
            key = (line["description"] or "").partition("[")[2].partition("]")[0]
        invoiced = line["invoice_line."]["invoice."]["number"] if line.get("invoice_line.") else ""
        seconds = Decimal(str(line["duration"]))
        read.append(Billed(key, entry_id, line["work"], line["date"], seconds, invoiced or ""))
    return read


def differences(client: TrytonClient, company: int, keyed: bool, cut_off: date) -> list[str]:
    """What does not fit between hours, rates and invoices of a company; empty when all of it does.

    Every line until the cut-off is on a posted invoice, unless it and the line that takes it back are on none; hours
    times rate, rounded once for each invoice line, is what the invoice says.
    """
    wrong: list[str] = []
    posted = invoices(client, company)
    lines = billed(client, company, keyed)
    works = client.read(
        "project.work", ["company", "=", company], ["type", "=", "task"], fields=("timesheet_works",), company=company
    )
    for work in (number for one in works for number in one["timesheet_works"]):
        due = (line for line in lines if line.work == work and line.day <= cut_off and not line.invoice)
        left = sum((line.seconds for line in due), Decimal(0))
        if left:
            wrong.append(f"work {work}: {left / 3600} h are on no posted invoice")
    for invoice in posted:
        seconds = sum((line.seconds for line in lines if line.invoice == invoice.number), Decimal(0))
        hours = sum((line.hours for line in invoice.lines), Decimal(0))
        if seconds != hours * 3600:
            wrong.append(f"{invoice.number}: {hours} h invoiced, {seconds / 3600} h are on it")
        for line in invoice.lines:
            exact = (line.hours * line.rate).quantize(line.amount, ROUND_HALF_UP)
            if exact != line.amount:
                wrong.append(f"{invoice.number}: {line.hours} h at {line.rate} are {exact}, not {line.amount}")
        total = sum((line.amount for line in invoice.lines), Decimal(0))
        if total != invoice.net:
            wrong.append(f"{invoice.number}: its lines are {total} together, it says {invoice.net}")
    return wrong


def journal(client: TrytonClient, company: int) -> str:
    """The posted moves of a company as a journal that hledger reads: an independent judge of whether they balance."""
    domain = (["company", "=", company], ["state", "=", "posted"])
    moves = client.read("account.move", *domain, fields=("number", "date", "description"), company=company)
    fields = ("move", "account.rec_name", "debit", "credit")
    wanted = ["move", "in", [move["id"] for move in moves]]
    lines: dict[int, list[str]] = {}
    for line in client.read("account.move.line", wanted, fields=fields, company=company):
        amount = line["debit"] - line["credit"]
        account = line["account."]["rec_name"].replace("  ", " ")
        lines.setdefault(line["move"], []).append(f"    {account}  {amount}")
    return "\n".join(
        "\n".join([f"{move['date']} ({move['number']}) {move['description'] or ''}".rstrip(), *lines[move["id"]], ""])
        for move in moves
    )
