"""Invoices from hours: the end of a month in finance, as a tool. Tryton's own guards make each step idempotent.

    project.work.invoice ──▶ a draft for each project that has something to bill up to the cut-off
    account.invoice.post ──▶ a number, a move in the books

The runtime posts time; it makes no invoices yet, so this is no part of it. Any step may be repeated: a draft that is
there holds its lines, and Tryton refuses to invoice what is on an invoice, or to post what is posted (measured). After
an answer that never came the state is read, and only what is still to be done is done.

A warning is a question to a person. Here that person has said beforehand which ones to answer with yes, by name;
every other one stops the invoice, and is told.
"""

from collections.abc import Sequence
from datetime import date

from scenarios.real.tryton_client import TrytonClient, TrytonRefusedError

NOTHING_TO_DO = 'You can not call "'
"""What Tryton says of a step that was done before."""
ALLOWED: tuple[str, ...] = ("invoice_payment_term",)
"""Warnings that are answered with yes, by the end of their name: an invoice whose terms of payment are over."""


class BillingStoppedError(Exception):
    """An invoice needs a person: one line that says why."""


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
