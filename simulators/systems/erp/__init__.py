"""A mock ERP without I/O: a project ledger per legal entity behind one account's door. `Erp` is in `system.py`."""

from simulators.systems.erp.system import Erp

__all__ = ["Erp"]
