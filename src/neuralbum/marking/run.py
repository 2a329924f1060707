"""Look for the mark in files, folders and addresses; no project is needed."""

from __future__ import annotations

import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..audio import apart
from ..audio.files import scan, show_path
from ..errors import AudioError, NeuralbumError, ToolError
from ..progress import SILENT, Reporter
from .albums import Known, near
from .detection import Answer, detect

LARGEST_DOWNLOAD = 1 << 30  #: bytes
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Verified:
    """One file and what was found in it."""

    name: str
    path: Path | None  #: None: it could not be had
    answer: Answer | None  #: None: it could not be heard
    known: tuple[Known, ...] = ()  #: albums described beside the file
    error: str = ""


def verify(places: Iterable[str], *, reporter: Reporter = SILENT) -> Iterator[Verified]:
    """Look for the mark in each file; what lies at an address is there only until the next one is asked for.

    Parameters
    ----------
    places : files, folders (searched through) and http(s) addresses
    """
    for place in places:
        if is_address(place):
            try:
                with downloaded(place) as path:
                    yield _heard(place, path)
            except NeuralbumError as error:
                yield Verified(place, None, None, error=str(error))
            continue
        found = scan([place])
        for missing, why in found.missing:
            yield Verified(show_path(missing), None, None, error=f"{show_path(missing)}: {why}")
        if not found.files and not found.missing:
            yield Verified(place, None, None, error=f"{place}: no sound files in it")
        reporter.begin("verify", len(found.files), "files")
        for path in found.files:
            yield _heard(show_path(path), path)
            reporter.advance(1)
        reporter.end()


def _heard(name: str, path: Path) -> Verified:
    try:
        answer = detect(apart.blocks(path))
    except AudioError as error:
        return Verified(name, path, None, error=str(error))
    return Verified(name, path, answer, tuple(near(path)))


def is_address(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


@contextmanager
def downloaded(address: str) -> Iterator[Path]:
    """A copy of what lies at an address, removed afterwards.

    Raises
    ------
    ToolError
        It cannot be had, or is larger than LARGEST_DOWNLOAD.
    """
    name = Path(urllib.parse.urlsplit(address).path).name[-100:] or "sound"
    with tempfile.TemporaryDirectory(prefix="neuralbum-verify-") as folder:
        path = Path(folder) / name
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as there, open(path, "wb") as here:
                while block := there.read(1 << 20):
                    here.write(block)
                    if here.tell() > LARGEST_DOWNLOAD:
                        raise ToolError(f"{address}: larger than {LARGEST_DOWNLOAD >> 20} MB; download it yourself")
        except (OSError, ValueError, urllib.error.URLError) as cause:
            raise ToolError(f"{address}: cannot be fetched ({getattr(cause, 'reason', None) or cause})") from cause
        yield path
