"""Fills an empty Tryton: legal entities with books, people who book time, projects that are sold by the hour.

Every legal entity has the universal chart of accounts, a fiscal year of twelve periods, a number range for invoices and
one for moves, its employees, its customers, and projects whose tasks have a price. What came of it is the crosswalk.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from runtime.core.value import value
from scenarios.real.tryton_client import TrytonClient
from simulators.firm.model import Firm

ADMIN = "admin"
FEED = "springtide"
"""The integration user: nobody else's, and it sees every company."""
FEED_GROUPS = ("Timesheet Administration",)
"""What it may do: time, and nothing else."""
ON = date(2020, 1, 1)
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
NO_CENTS = frozenset({"JPY"})


@value
class SeedTask:
    """A task and its price for an hour, in the currency of its legal entity."""

    code: str
    rate: Decimal


@value
class SeedProject:
    """A project that is invoiced by the hour."""

    code: str
    customer: str
    tasks: tuple[SeedTask, ...]


@value
class SeedEntity:
    """A legal entity. Codes are ours: they are what the crosswalk leads from."""

    code: str
    currency: str
    workers: tuple[str, ...]
    projects: tuple[SeedProject, ...]


def seed(client: TrytonClient, entities: Sequence[SeedEntity], year: int, password: str) -> str:
    """Set everything up, and the integration user with this password; returns the text of the crosswalk file."""
    companies = {entity.code: _company(client, entity) for entity in entities}
    numbers = list(companies.values())
    _sees(client, ADMIN, numbers)
    _feed_user(client, numbers, password)
    text = []
    for entity in entities:
        company = companies[entity.code]
        _books(client, company, entity.code, year)
        product = _product(client, company)
        workers = dict(zip(entity.workers, _employees(client, company, entity.workers), strict=True))
        works = _projects(client, company, product, entity.projects)
        text += [f'["{entity.code}"]', f"company = {company}", f'["{entity.code}".workers]']
        text += [f'"{code}" = {number}' for code, number in workers.items()]
        text += [f'["{entity.code}".works]', *(f'"{code}" = {number}' for code, number in works.items()), ""]
    return "\n".join(text)


def _company(client: TrytonClient, entity: SeedEntity) -> int:
    found = client.find("currency.currency", ["code", "=", entity.currency])
    if not found:
        digits = 0 if entity.currency in NO_CENTS else 2
        found = client.call(
            "model.currency.currency.create",
            [
                {
                    "name": entity.currency,
                    "code": entity.currency,
                    "symbol": SYMBOLS.get(entity.currency, entity.currency),
                    "digits": digits,
                    "rounding": Decimal(1).scaleb(-digits),
                    "rates": [["create", [{"date": ON, "rate": Decimal(1)}]]],
                }
            ],
        )
    (party,) = client.call("model.party.party.create", [_party(entity.code)])
    (company,) = client.call("model.company.company.create", [{"party": party, "currency": found[0]}])
    return int(company)


def _party(name: str) -> dict[str, Any]:
    return {"name": name, "addresses": [["create", [{"street": "1 Main Street", "city": "Somewhere"}]]]}


def _sees(client: TrytonClient, login: str, companies: Sequence[int]) -> None:
    """With the filter "one", which is what a new user has, nothing of another company is ever found."""
    wanted = {"companies": [["add", list(companies)]], "company": companies[0]}
    client.call("model.res.user.write", client.find("res.user", ["login", "=", login]), wanted)
    client.call("model.res.user.write", client.find("res.user", ["login", "=", login]), {"company_filter": "all"})


def _feed_user(client: TrytonClient, companies: Sequence[int], password: str) -> None:
    groups = client.find("res.group", ["name", "in", list(FEED_GROUPS)])
    user = {"name": "Springtide", "login": FEED, "password": password, "groups": [["add", groups]]}
    client.call("model.res.user.create", [user])
    _sees(client, FEED, companies)


def _books(client: TrytonClient, company: int, code: str, year: int) -> None:
    """Chart of accounts, default accounts, fiscal year with periods and number ranges."""
    (chart,) = client.find("account.account.template", ["parent", "=", None])[:1]
    wizard = "wizard.account.create_chart"
    session, _, _ = client.call(f"{wizard}.create", company=company)
    chosen = {"account": {"company": company, "account_template": chart}}
    told = client.call(f"{wizard}.execute", session, chosen, "create_account", company=company)
    properties = {name: of for name, of in told["view"]["defaults"].items() if "." not in name}
    properties |= {
        "account_receivable": _account(client, company, "receivable", ["party_required", "=", True]),
        "account_payable": _account(client, company, "payable", ["party_required", "=", True]),
    }
    client.call(f"{wizard}.execute", session, {"properties": properties}, "create_properties", company=company)
    client.call(f"{wizard}.delete", session, company=company)
    kinds = {kind["name"]: kind["id"] for kind in client.read("ir.sequence.type", fields=("name",))}
    ranges = [
        {"name": f"{code} {kind}", "sequence_type": kinds[kind], "company": company, "prefix": f"{code}-{letter}"}
        for kind, letter in (("Account Move", "M-"), ("Invoice", ""))
    ]
    moves, invoices = client.call("model.ir.sequence.strict.create", ranges, company=company)
    sequences = {f"{way}_{what}_sequence": invoices for way in ("in", "out") for what in ("invoice", "credit_note")}
    created = client.call(
        "model.account.fiscalyear.create",
        [
            {
                "name": str(year),
                "company": company,
                "start_date": date(year, 1, 1),
                "end_date": date(year, 12, 31),
                "move_sequence": moves,
                "invoice_sequences": [["create", [{"company": company, **sequences}]]],
            }
        ],
        company=company,
    )
    client.call("model.account.fiscalyear.create_period", created, company=company)


def _account(client: TrytonClient, company: int, kind: str, *more: Any) -> int:
    found = client.find(
        "account.account",
        ["company", "=", company],
        ["closed", "!=", True],
        [f"type.{kind}", "=", True],
        *more,
        company=company,
    )
    return found[0]


def _product(client: TrytonClient, company: int) -> int:
    """An hour of work, with the account that its revenue goes to."""
    hour = client.find("product.uom", ["name", "=", "Hour"])[0]
    category = {
        "name": "Time",
        "accounting": True,
        "account_revenue": _account(client, company, "revenue", ["name", "=", "Services"]),
        "account_expense": _account(client, company, "expense"),
    }
    (time,) = client.call("model.product.category.create", [category], company=company)
    template = {
        "name": "Consulting",
        "type": "service",
        "default_uom": hour,
        "list_price": Decimal(0),
        "account_category": time,
        "products": [["create", [{}]]],
    }
    (made,) = client.call("model.product.template.create", [template], company=company)
    return client.find("product.product", ["template", "=", made], company=company)[0]


def _employees(client: TrytonClient, company: int, workers: Sequence[str]) -> list[int]:
    parties = client.call("model.party.party.create", [{"name": worker} for worker in workers], company=company)
    employed = [{"company": company, "party": party} for party in parties]
    found: list[int] = client.call("model.company.employee.create", employed, company=company)
    return found


def _projects(client: TrytonClient, company: int, product: int, projects: Sequence[SeedProject]) -> dict[str, int]:
    """Projects with their tasks; "PROJECT/TASK" to the number that a timesheet line names."""
    customers = dict.fromkeys(project.customer for project in projects)
    parties = client.call("model.party.party.create", [_party(name) for name in customers], company=company)
    billed = dict(zip(customers, parties, strict=True))
    sold: dict[str, Any] = {"company": company, "product": product, "timesheet_available": True}
    works: dict[str, int] = {}
    for project in projects:
        tasks = [{**sold, "name": task.code, "type": "task", "list_price": task.rate} for task in project.tasks]
        whole = {
            **sold,
            "name": project.code,
            "type": "project",
            "timesheet_available": False,
            "party": billed[project.customer],
            "project_invoice_method": "timesheet",
            "children": [["create", tasks]],
        }
        made = client.call("model.project.work.create", [whole], company=company)
        for task in client.read("project.work", ["parent", "=", made[0]], fields=("name", "timesheet_works")):
            works[f"{project.code}/{task['name']}"] = task["timesheet_works"][0]
    return works


def seeds_of(firm: Firm, rate: Decimal = Decimal(100)) -> list[SeedEntity]:
    """A simulated firm as Tryton gets to know it: its people and projects, every task at this price."""
    found = []
    for entity in firm.entities:
        projects = tuple(
            SeedProject(plan.project, plan.client, tuple(SeedTask(task, rate) for task in plan.tasks))
            for plan in firm.projects
            if plan.entity == entity.code
        )
        workers = tuple(one.worker for one in firm.consultants if one.entity == entity.code)
        found.append(SeedEntity(entity.code, entity.currency, workers, projects))
    return found
