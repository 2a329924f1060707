"""How the prepared corpus lies on disk: written by ``corpus``, read by whoever trains or compares.

    corpus/corpus.json         rates, gain, digest, version
    corpus/<track>.mono.npy    int16 (n_samples,) at the skeleton's rate, gain applied
    corpus/<track>.stereo.npy  int16 (2, n_samples) at 44.1 kHz, gain applied

Arrays are memory-mapped, so a discography of hours costs no memory to open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import CatalogueError
from ..project import Project, atomic
from ..records import Track, digest

FORMAT = 1
STEREO_RATE = 44_100
FULL_SCALE = 32767.0
"""int16 value of amplitude 1.0; symmetric, so that silence is 0 and −x mirrors x."""

Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True)
class PreparedTrack:
    """One song, ready to be read in slices."""

    track: Track
    mono: Int16  #: (n_samples,) at the corpus's ``sample_rate``
    stereo: Int16  #: (2, n_samples) at STEREO_RATE


@dataclass(frozen=True)
class PreparedCorpus:
    """All songs of a project, by split."""

    sample_rate: int  #: Hz of ``mono``
    gain: float  #: linear, the one gain applied to the whole corpus
    digest: str  #: changes when any song, split, rate or gain does
    songs: tuple[PreparedTrack, ...]

    def split(self, name: str) -> list[PreparedTrack]:
        """The songs of ``"train"``, ``"valid"`` or ``"heldout"``."""
        return [song for song in self.songs if song.track.split == name]

    def seconds(self, name: str) -> float:
        return sum(song.mono.size for song in self.split(name)) / self.sample_rate


def to_float(pcm: Int16) -> npt.NDArray[np.float32]:
    """int16 -> float32 in [−1, 1]."""
    return np.asarray(pcm, dtype=np.float32) / np.float32(FULL_SCALE)


def to_int16(audio: npt.NDArray[np.floating]) -> Int16:
    """float in [−1, 1] -> int16, rounded to nearest, clipped."""
    return np.rint(np.clip(audio, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def mono_path(corpus_dir: Path, track_id: str) -> Path:
    return corpus_dir / f"{track_id}.mono.npy"


def stereo_path(corpus_dir: Path, track_id: str) -> Path:
    return corpus_dir / f"{track_id}.stereo.npy"


def describe(project: Project, *, sample_rate: int, gain: float, tracks: Iterable[Track]) -> str:
    """Write corpus.json last, when all arrays are in place; returns the corpus digest."""
    named = sorted((t.id, t.sha256, t.split) for t in tracks)
    name = digest("corpus", FORMAT, sample_rate, gain, named)
    text = {"format": FORMAT, "sample_rate": sample_rate, "stereo_rate": STEREO_RATE, "gain": gain, "digest": name}
    with atomic(project.corpus_dir / "corpus.json") as part:
        part.write_text(json.dumps(text, indent=2), encoding="utf-8")
    return name


def open_corpus(project: Project) -> PreparedCorpus:
    """Open what ``neuralbum add`` prepared.

    Raises
    ------
    CatalogueError
        Nothing prepared yet, another format, or an array is missing.
    """
    path = project.corpus_dir / "corpus.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise CatalogueError(f"{project.root}: no music yet; bring it in with `neuralbum add FOLDER`") from cause
    except json.JSONDecodeError as cause:
        raise CatalogueError(f"{path}: damaged; prepare it again with `neuralbum add --force`") from cause
    if about.get("format") != FORMAT:
        raise CatalogueError(
            f"{path}: format {about.get('format')}, this neuralbum reads {FORMAT}; run `neuralbum add`"
        )
    songs = []
    for track in project.catalogue.tracks():
        try:
            mono = np.load(mono_path(project.corpus_dir, track.id), mmap_mode="r", allow_pickle=False)
            stereo = np.load(stereo_path(project.corpus_dir, track.id), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as cause:
            raise CatalogueError(
                f"{project.corpus_dir}: the prepared audio of {track.title!r} is missing or damaged; "
                f"run `neuralbum add --force`"
            ) from cause
        songs.append(PreparedTrack(track, mono, stereo))
    return PreparedCorpus(int(about["sample_rate"]), float(about["gain"]), str(about["digest"]), tuple(songs))
