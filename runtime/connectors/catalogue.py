"""Every kind of system that can be configured, and what speaks to it. A vendor is a file, and a line here."""

from collections.abc import Callable

from runtime.connectors.erp import generic as generic_erp
from runtime.connectors.psa import generic as generic_psa
from runtime.core.answers import Door
from runtime.core.effects import FrozenRow
from runtime.core.model import Posting
from runtime.core.value import value
from runtime.ports import Connector, Request, Response


@value
class LedgerKind:
    """A kind of ERP: its connector for one legal entity, its mapping of a posting, and how one logs in."""

    connector: Callable[[str], Connector]
    freeze: Callable[[Posting], FrozenRow]
    build_login: Callable[[str], Request]
    read_login: Callable[[Response], tuple[str, int] | Door | None]


LEDGERS: dict[str, LedgerKind] = {
    "generic_erp": LedgerKind(
        generic_erp.GenericErp, generic_erp.freeze, generic_erp.build_login, generic_erp.read_login
    ),
}

SOURCES: dict[str, Callable[[str], Connector]] = {"generic_psa": generic_psa.GenericPsa}
