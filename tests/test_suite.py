"""The tests themselves: no machine is too slow or too busy for them, and none goes missing where CI is set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
SKIPPING = """
import pytest
def test_that_needs_a_tool():
    pytest.skip("no such tool here: install it")
@pytest.mark.skipif(True, reason="the extra is not installed")
def test_that_needs_an_extra(): ...
@pytest.mark.xfail
def test_known_to_fail():
    assert False
"""


def test_a_slow_machine_fails_no_test_of_hypothesis():
    profile = hypothesis.settings.default
    assert profile.deadline is None
    assert {hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large} <= set(
        profile.suppress_health_check
    )


def test_no_test_takes_the_profile_back():
    for path in TESTS.rglob("test_*.py"):
        for line in re.findall(r"@settings\((.*)\)", path.read_text(encoding="utf-8")):
            assert "deadline=" not in line or "deadline=None" in line, f"{path}: {line}"
            if "suppress_health_check" in line:
                assert "too_slow" in line or "settings.default.suppress_health_check" in line, f"{path}: {line}"


@pytest.mark.parametrize(("ci", "outcome"), [("1", "1 failed, 1 xfailed, 1 error"), ("", "2 skipped, 1 xfailed")])
def test_a_missing_tool_fails_where_ci_is_set_and_is_skipped_elsewhere(tmp_path, ci, outcome):
    (tmp_path / "test_tools.py").write_text(SKIPPING, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c", os.devnull]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])}
    made = subprocess.run(
        [*command, "--rootdir", tmp_path, "test_tools.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert outcome in made.stdout
    if ci:
        assert "skipped, and CI is set: no such tool here" in made.stdout
