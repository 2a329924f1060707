"""A sample pack for a musician's DAW: what curators marked, and four bars of each song, as loops.

Each stretch is widened to whole bars where the music has bars, and cut where the wave crosses zero. Files lie in
folders named by what was heard ("breakdown-in-6-8"), songs' own loops in ``kept``. The sound carries the album's mark.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio import Audio, bars, features, mel, read
from ..audio.loop_files import MIDDLE_C, LoopInfo, write_loop
from ..audio.stft import stft
from ..errors import CatalogueError, NeuralbumError
from ..marking import Payload
from ..progress import SILENT, Reporter
from ..project import Project
from ..project.stage import activity
from . import rights
from .contents import album_of, chosen_songs, songs_of, with_sound
from .params import Params
from .song_metadata import AlbumSong, slug

FOLDER = "pack"
LISTING = "pack.json"
KEPT_BARS = 4
N_FFT, HOP = 4096, 512
FIND_ZERO_S = 0.01
LEAST_REPEATED = bars.MIN_STRENGTH
LEAST_FIT = 0.6
"""A key that fits worse is not said."""


@dataclass(frozen=True)
class Cut:
    """A stretch of a song, in samples."""

    start: int
    end: int
    n_bars: int  #: 0: not at bar lines


def bar_lines(sound: Audio, sample_rate: int) -> np.ndarray:
    """Where bars begin, in samples, float64; empty where the music does not repeat itself bar by bar."""
    power = np.abs(stft(sound.mean(axis=0), 2048, HOP)) ** 2
    levels = 10 * np.log10(mel.mel_power(power, mel.mel_filters(sample_rate, 2048, 40)) + 1e-9)
    found = bars.find_bars(levels, sample_rate / HOP)
    return found.starts * HOP if found.strength >= LEAST_REPEATED else np.zeros(0)


def cut(sound: Audio, sample_rate: int, lines: np.ndarray, start_s: float, end_s: float) -> Cut:
    """The stretch widened to whole bars, or as it is where there are none, from zero crossing to zero crossing."""
    start, end, n_bars = start_s * sample_rate, end_s * sample_rate, 0
    inside = lines[(lines >= 0) & (lines <= sound.shape[1])]
    if len(inside) >= 2:
        first = max(0, int(np.searchsorted(inside, start + 0.1 * sample_rate, side="right")) - 1)
        last = min(len(inside) - 1, int(np.searchsorted(inside, end - 0.1 * sample_rate)))
        if last > first:
            start, end, n_bars = inside[first], inside[last], last - first
    mono = sound.mean(axis=0)
    return Cut(_zero_near(mono, start, sample_rate), _zero_near(mono, end, sample_rate), n_bars)


def _zero_near(mono: np.ndarray, at: float, sample_rate: int) -> int:
    """The rising zero crossing nearest to a place, within 10 ms; the place itself if there is none."""
    place = int(np.clip(round(at), 0, len(mono)))
    reach = round(FIND_ZERO_S * sample_rate)
    low = max(0, place - reach)
    part = mono[low : place + reach]
    crossings = low + 1 + np.flatnonzero((part[:-1] <= 0) & (part[1:] > 0))
    return int(crossings[np.abs(crossings - place).argmin()]) if len(crossings) else place


def key_of(sound: Audio, sample_rate: int) -> tuple[str, int | None]:
    """(key in words, MIDI note of its tonic); ("", None) where no key fits well."""
    if sound.shape[1] < N_FFT:
        return "", None
    power = np.abs(stft(sound.mean(axis=0), N_FFT, N_FFT // 2)) ** 2
    name, fit = features.key((power @ features.chroma_matrix(sample_rate, N_FFT)).sum(axis=0))
    if fit < LEAST_FIT:
        return "", None
    return name, MIDDLE_C + features.NOTE_NAMES.index(name.split()[0])


def tempo_of(seconds: float, n_bars: int, bpm: float | None) -> tuple[float | None, int]:
    """(beats per minute of this very stretch, its beats): as many whole beats a bar as fit the song's tempo best."""
    if not n_bars:
        return None, 0
    bar_s = seconds / n_bars
    per_bar = max(1, round(bar_s * bpm / 60)) if bpm else 4  # [s/bar] * [beats/min] / [60 s/min] = [beats/bar]
    return 60 * per_bar * n_bars / seconds, per_bar * n_bars


def run(project: Project, params: Params | None = None, *, reporter: Reporter = SILENT) -> Path:
    """Write the pack anew; the old one is replaced when the new one is whole.

    Returns
    -------
    Path
        The folder ``pack`` of the project.
    """
    from .. import marking

    params = params or project.params("release", Params)
    settings = project.settings
    rights.require(settings.rights_holder, settings.contact, settings.permission)
    terms = rights.check(settings.licence)
    chosen = chosen_songs(project, None)
    errors: list[tuple[str, str]] = []
    songs, sources = with_sound(project, songs_of(project, params, chosen), chosen, errors)
    album = album_of(project, params, terms, songs, chosen)
    number = marking.albums.number_of(project) if params.watermark else None
    owner = rights.copyright_line(terms, year=album.year, rights_holder=album.rights_holder)
    work = Path(tempfile.mkdtemp(prefix="pack-", suffix=".part", dir=project.root))
    listing: list[dict[str, object]] = []
    reporter.begin("pack", len(songs), "songs")
    try:
        with activity(project, "pack") as log:
            for song in songs:
                payload = None if number is None else Payload(number, song.number)
                try:
                    sound, rate = read(sources[song.take_id][0])
                    if payload is not None and rate >= marking.LOWEST_RATE:
                        sound = marking.mark(sound, rate, payload)
                    listing += _song(work, song, sound, rate, owner)
                except NeuralbumError as error:
                    errors.append((song.take_id, str(error)))
                log(done=1)
                reporter.advance(1)
        if not listing:
            raise CatalogueError(f"{project.root}: nothing for a pack" + (f"; {errors[0][1]}" if errors else ""))
        (work / "LICENSE.txt").write_text(rights.notice(album), encoding="utf-8")
        (work / LISTING).write_text(json.dumps(listing, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        target = project.root / FOLDER
        shutil.rmtree(target, ignore_errors=True)
        work.chmod(0o755)
        os.replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        reporter.end()
    for take_id, message in errors:
        reporter.line(f"pack {take_id}: {message}")
    return target


def _song(folder: Path, song: AlbumSong, sound: Audio, rate: int, owner: str) -> list[dict[str, object]]:
    lines = bar_lines(sound, rate)
    wanted = [(d.start_s, d.end_s, d.text) for d in song.distinctions]
    if len(lines) > KEPT_BARS:
        first = (len(lines) - KEPT_BARS) // 2
        wanted.append((lines[first] / rate, lines[first + KEPT_BARS] / rate, "kept"))
    made: list[dict[str, object]] = []
    for start_s, end_s, text in wanted:
        piece = cut(sound, rate, lines, start_s, end_s)
        loop = sound[:, piece.start : piece.end]
        if not loop.shape[1]:
            continue
        bpm, n_beats = tempo_of(loop.shape[1] / rate, piece.n_bars, song.bpm)
        key, root = key_of(loop, rate)
        words = [song.slug, f"{piece.start / rate:06.1f}s", f"{bpm:.0f}bpm" if bpm else "", key.replace(" ", "")]
        path = folder / (slug(text) or "marked") / f"{'_'.join(w for w in words if w)}.wav"
        path.parent.mkdir(exist_ok=True)
        per_bar = n_beats // piece.n_bars if piece.n_bars else 4
        comment = f"Generated by a machine. {song.title}: {text}"
        write_loop(path, loop, rate, LoopInfo(bpm, n_beats, per_bar, root, comment, owner))
        made.append(
            {
                "file": path.relative_to(folder).as_posix(),
                "song": song.title,
                "heard": text,
                "start_s": round(piece.start / rate, 3),
                "end_s": round(piece.end / rate, 3),
                "bars": piece.n_bars,
                "bpm": None if bpm is None else round(bpm, 2),
                "key": key,
            }
        )
    return made
