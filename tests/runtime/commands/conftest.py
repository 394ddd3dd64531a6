"""Every command finds the key and the address where a person would have put them."""

import pytest

from tests.runtime.commands.a_gateway import KEY, URL


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """SPRINGTIDE_URL and SPRINGTIDE_KEY."""
    monkeypatch.setenv("SPRINGTIDE_URL", URL)
    monkeypatch.setenv("SPRINGTIDE_KEY", KEY)
