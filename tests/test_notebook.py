"""The notebook, run whole in a kernel of its own with the smallest settings: from the built-in band to an album."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html import escape
from pathlib import Path

import pytest

from neuralbum.project import Project

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "album.ipynb"
EXECUTE = """
import sys
import nbclient, nbformat
book = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(book, timeout=None, resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(book, sys.argv[3])
"""


def test_it_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert [c["outputs"] for c in cells if c["cell_type"] == "code" and c["outputs"]] == []


def test_run_whole_it_makes_an_album_and_plays_it(tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    environment = {
        **os.environ, "NEURALBUM_SMALLEST": str(tmp_path / "album"), "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(tmp_path), str(done)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    cells = [c for c in json.loads(done.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    shown = [output.get("data", {}) for cell in cells for output in cell["outputs"]]
    html = "".join("".join(data.get("text/html", "")) for data in shown)
    project = Project.open(tmp_path / "album")
    songs = project.catalogue.songs()
    project.catalogue.close()
    assert songs
    assert html.count("<audio") == len(songs) + 1  # and the clip of the checkpoint that plays
    assert "<polyline" in html
    assert html.count("<img") == len(songs) + 1
    assert all(f"{song.number}. {escape(song.title)}" in html for song in songs)
