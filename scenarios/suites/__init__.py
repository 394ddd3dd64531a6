"""What is tried before going live, as data: one TOML file for each suite. `scenarios.certify.suite` reads them."""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def suite_names() -> tuple[str, ...]:
    """Every named suite, in order of name."""
    return tuple(sorted(path.stem for path in HERE.glob("*.toml")))


def suite_path(name: str) -> Path:
    """Where the suite with this name stands."""
    return HERE / f"{name}.toml"
