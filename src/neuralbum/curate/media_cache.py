"""The files a curator looks at and hears: made on demand, made ahead, made once.

A take's FLAC stays the master; a browser gets an Opus copy a fifth its size,
whose seeking costs a tenth of FLAC's (docs/curate.md). The pictures are the screen's.

Everything lies in ``artefacts/curate/`` under names that say what it was made
from; delete the folder and it comes back.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .. import audio
from ..audio.encode import Target, encode
from ..errors import AudioError, NeuralbumError, ParameterError
from ..project import Project, atomic
from ..records import Finding, Take, Track, digest
from ..screen.analysis import analyse
from . import pictures
from .responses import Atlas

VERSION = 1
MAX_CUT_S = 60.0


class MediaCache:
    """Thread-safe; one background thread works ahead."""

    def __init__(self, project: Project, *, opus_kbps: int) -> None:
        self.project = project
        self.opus_kbps = opus_kbps
        self.folder = project.artefacts_dir / "curate"
        self._lock = threading.Lock()
        self._busy: dict[Path, threading.Lock] = {}
        self._planned: set[Path] = set()
        self._atlases: dict[str, tuple[tuple[Take, Finding | None], ...]] = {}
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="curate-ahead")

    def close(self) -> None:
        self._background.shutdown(wait=True, cancel_futures=True)

    # ---- sound ---------------------------------------------------------------

    def opus(self, take: Take) -> Path:
        """The listening copy."""
        source = self.project.audio_of(take)
        return self._made(self._file(take, "opus"), lambda part: encode(source, [Target(part, "opus", self.opus_kbps)]))

    def band_song(self, track: Track) -> Path:
        """The listening copy of one of the band's songs."""
        source = Path(track.path)
        if not source.is_file():
            raise AudioError(f"{track.title}: its file is not where it was; add it again from where it is now")
        file = self.folder / f"band.{track.id}.{digest('curate', VERSION, self.opus_kbps, track.sha256)[:8]}.opus"
        return self._made(file, lambda part: encode(source, [Target(part, "opus", self.opus_kbps)]))

    def opus_ahead(self, coming: Sequence[Take]) -> None:
        """Make the copies that come next, one after the other, in the background."""
        for take in coming:
            with contextlib.suppress(NeuralbumError):
                self._plan(self._file(take, "opus"), lambda take=take: self.opus(take))  # type: ignore[misc]

    def wav(self, take: Take, start_s: float, end_s: float) -> bytes:
        """A part of a take as 16-bit WAV, for a loop without a gap; see ``cut_wav``."""
        return cut_wav(self.project.audio_of(take), start_s, end_s)

    # ---- pictures ------------------------------------------------------------

    def mel(self, take: Take, finding: Finding | None) -> Path:
        """The levels of a take's picture, gzipped: uint32 rows and frames (little-endian), then rows."""
        return self._made(self._file(take, "mel.gz"), lambda part: self._draw(take, finding, part))

    def levels(self, take: Take, finding: Finding | None) -> pictures.Levels:
        data = gzip.decompress(self.mel(take, finding).read_bytes())
        rows, frames = (int(n) for n in np.frombuffer(data[:8], dtype="<u4"))
        return np.frombuffer(data[8:], dtype=np.uint8).reshape(rows, frames)

    def atlases(self, takes: Sequence[Take], screen: Mapping[str, Finding]) -> list[Atlas]:
        """Name the atlases of a queue, in its order; they are composed ahead, or when asked for."""
        made: list[Atlas] = []
        for start, end in pictures.atlas_spans(len(takes)):
            cells = tuple((take, screen.get(take.id)) for take in takes[start:end])
            key = digest("atlas", VERSION, [f.files.get("thumbnail", t.id) if f else t.id for t, f in cells])
            self._atlases[key] = cells
            made.append({"url": f"/atlas/{key}.webp", "start": start, "end": end})
            self._plan(self._atlas_file(key), lambda key=key: self.atlas(key))  # type: ignore[misc]
        return made

    def atlas(self, key: str) -> Path:
        """The atlas of a name that ``atlases`` gave."""
        cells = self._atlases.get(key)
        if cells is None:
            raise ParameterError("no such atlas: reload the page")
        return self._made(
            self._atlas_file(key),
            lambda part: part.write_bytes(pictures.compose_atlas([self._thumbnail(t, f) for t, f in cells])),
        )

    def _thumbnail(self, take: Take, finding: Finding | None) -> pictures.RGB:
        try:
            if finding and "thumbnail" in finding.files:
                return pictures.read_thumbnail(
                    self.project.local(self.project.root / finding.files["thumbnail"]).read_bytes()
                )
            return pictures.coloured(self.levels(take, finding))
        except (NeuralbumError, OSError):
            return pictures.blank_thumbnail()

    # ---- making --------------------------------------------------------------

    def _atlas_file(self, key: str) -> Path:
        return self.folder / f"atlas.{key}.webp"

    def _file(self, take: Take, suffix: str) -> Path:
        source = self.project.audio_of(take)
        try:
            source.stat()
            sound = self.project.audio_digest(take)
        except OSError as cause:
            raise AudioError(f"{take.path}: missing; make it again with `neuralbum generate`") from cause
        key = digest("curate", VERSION, self.opus_kbps, sound)
        return self.folder / f"{take.id}.{key[:8]}.{suffix}"

    def _made(self, path: Path, make: Callable[[Path], object]) -> Path:
        """``path``, made by one thread while others wait for it."""
        if path.exists():
            return path
        with self._lock:
            lock = self._busy.setdefault(path, threading.Lock())
        with lock:
            if not path.exists():
                with atomic(path) as part:
                    make(part)
        with self._lock:
            self._busy.pop(path, None)
        return path

    def _plan(self, path: Path, make: Callable[[], object]) -> None:
        if path in self._planned or path.exists():
            return
        self._planned.add(path)

        def quietly() -> None:
            with contextlib.suppress(NeuralbumError, OSError):  # whoever asks in the foreground sees the error
                make()
            self._planned.discard(path)

        with contextlib.suppress(RuntimeError):  # shutting down
            self._background.submit(quietly)

    def _draw(self, take: Take, finding: Finding | None, part: Path) -> None:
        if finding and "spectrogram" in finding.files:
            levels = pictures.read_grey(
                self.project.local(self.project.root / finding.files["spectrogram"]).read_bytes()
            )
        else:
            source = self.project.audio_of(take)
            levels = analyse(audio.blocks(source), name=self.project.relative(source)).picture
        head = np.array(levels.shape, dtype="<u4").tobytes()
        part.write_bytes(gzip.compress(head + levels.tobytes(), 6))


def cut_wav(source: Path, start_s: float, end_s: float) -> bytes:
    """A part of a sound file as 16-bit WAV.

    Raises
    ------
    ParameterError
        The part is empty, backwards or longer than MAX_CUT_S.
    """
    import soundfile

    if not 0 <= start_s < end_s <= start_s + MAX_CUT_S:
        raise ParameterError(f"a loop must last more than 0 and at most {MAX_CUT_S:g} s")
    at, kept, rate = 0, [], 1
    for block, rate in audio.blocks(source):
        first, last = round(start_s * rate) - at, round(end_s * rate) - at
        at += block.shape[1]
        if last > 0 and first < block.shape[1]:
            kept.append(block[:, max(0, first) : last])
        if last <= block.shape[1]:
            break
    if not kept:
        raise ParameterError("the loop lies behind the end of the take")
    out = io.BytesIO()
    soundfile.write(out, np.concatenate(kept, axis=1).T, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
