"""What approvals are configured with: an example that is valid, and one clear line for each mistake."""

import re
from pathlib import Path

import pytest

from runtime.approvals.settings import ApprovalSettings, read_approval_settings
from runtime.commands.approvals import EXAMPLE
from runtime.configuration import ConfigurationError


def read(tmp_path: Path, text: str) -> ApprovalSettings:
    """The settings of this text."""
    path = tmp_path / "approvals.toml"
    path.write_text(text, encoding="utf-8")
    return read_approval_settings(path)


def test_the_example_is_valid_and_shows_the_defaults(tmp_path: Path) -> None:
    """What is commented out is what holds: with those comments taken away the settings are the same."""
    plain = read(tmp_path, EXAMPLE)
    spelled = re.sub(r"^# (?=[a-z_]+ = (?!\"sha256|\[\"))", "", EXAMPLE, flags=re.MULTILINE)

    assert spelled != EXAMPLE
    assert read(tmp_path, spelled) == plain
    assert plain.people["anna.keller"].approvers == ("key:max",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('project = "P-ALPINE" }\n"', 'project = "P-LOST" }\n"', "no project 'P-LOST' is configured"),
        ("travel = { time_type", "travel = { kind", "tags.travel.kind"),
        ('{ time_type = "travel" }', "{}", "tags.travel: says nothing"),
        ("alpine = {", "Alpine = {", "tags.Alpine"),
        ("Europe/Berlin", "Europe/Bonn", 'people."anna.keller".zone: is no time zone'),
        ('approvers = ["key:max"]', "approvers = []", "approvers"),
        ("# increment_minutes = 15", "increment_minutes = 10", "lines.increment_minutes"),
        ("http://127.0.0.1:8090", "127.0.0.1:8090", "tracker.url"),
        ("[server]", "[server", "not TOML"),
    ],
)
def test_a_mistake_is_one_line_that_says_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Nothing that is wrong starts, and the line names the file and the place."""
    assert old in EXAMPLE
    with pytest.raises(ConfigurationError) as wrong:
        read(tmp_path, EXAMPLE.replace(old, new, 1))

    assert len(wrong.value.mistakes) == 1
    assert said in wrong.value.mistakes[0]
    assert "approvals.toml" in wrong.value.mistakes[0]


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    """Two mistakes are two lines; a file that is not there is one."""
    with pytest.raises(ConfigurationError) as wrong:
        read(tmp_path, EXAMPLE.replace("http://127", "127").replace("Europe/Berlin", "nowhere"))
    assert len(wrong.value.mistakes) == 2

    with pytest.raises(ConfigurationError, match="springtide approvals example"):
        read_approval_settings(tmp_path / "none.toml")
