"""Every notebook runs from top to bottom in a fresh kernel, and draws. It needs the extra `notebooks`.

A kernel is a process with sockets of its own: here Unix sockets in the test's folder, so that tests run side by side.
"""

import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs springtide[notebooks]")
nbformat = pytest.importorskip("nbformat", reason="needs springtide[notebooks]")
pytest.importorskip("ipykernel", reason="needs springtide[notebooks]")
pytest.importorskip("matplotlib", reason="needs springtide[notebooks]")

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "notebooks"
BY_THEMSELVES = sorted(path.stem for path in FOLDER.glob("*.ipynb") if path.stem != "read_a_report")
"""`read_a_report` reads what a run has written; tests/test_docs.py runs it on one."""
PATIENCE_S = 600
"""For one cell, on a machine that does much else besides."""


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_a_notebook_runs_from_a_clean_checkout(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel that knows nothing, in the order of its cells, without an error or a warning; every plot is there."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    before = {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*")}
    client = nbclient.NotebookClient(
        notebook,
        timeout=PATIENCE_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.create_kernel_manager()
    client.km.transport = "ipc"
    client.km.ip = str(tmp_path / "kernel")

    client.execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    asked = sum("plt.show()" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert len(drawn) == asked > 0
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*")} == before
