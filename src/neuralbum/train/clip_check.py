"""Do a checkpoint's clips copy the training songs, and are they like the band? Asked while a net is trained.

Clips are searched in an index of the training songs. Three things stand beside what is found:
*quoted*, what cuts of unheard songs share with the training songs (the band repeats itself, too);
*planted*, known copies hidden in the clips, so that "nothing found" says what would have been
found; and the chance that clips and cuts that copy alike would differ so much (a permutation test).

``Offer`` is the rule: the checkpoint that plays is the best one before copying rises above what
the band quotes of itself. More training would sound more like the band, and copy it: what plays is
"creatively underfit", as the Dadabots call it.

Pure: music in, numbers out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..corpus.prepared import STEREO_RATE, PreparedCorpus, PreparedTrack, to_float
from ..errors import AudioError
from ..originality.copies import SongIndex, find_copies, index_songs, plant_copies
from ..resemblance.likeness.measures import EXCERPT_MEASURES, EXCERPT_S, Measure, measure
from .clips import CLIP_S, play_clips

if TYPE_CHECKING:
    from ..nets.band_model import BandModel
    from ..nets.griffin_lim import PlainRenderer
    from .checkpoint import Checkpoint

COPIED, QUOTED, CHANCE = "copied_s_per_hour", "quoted_s_per_hour", "copied_p"
CLIPS, PLANTED, FOUND = "clips", "planted", "planted_found"
LIKENESS, FLOOR = "likeness", "likeness_floor"
"""What a searched checkpoint's measures are called."""
RISEN_P = 0.05
"""Clips copy more than the band quotes itself when chance alone gives so much more with at most this probability …"""
CLEAR_TIMES, CLEAR_S_PER_HOUR = 3.0, 60.0
"""… or when it is so many times as much, and a second a minute beyond: with few unheard songs no test could tell."""
PERMUTATIONS = 2000
FEWEST, MOST = 3, 64  #: clips of a check
CHECKS = 12  #: of a training at most
N_CUTS = 10  #: of unheard songs
N_PLANTED = 4  #: in each check: one of each length
N_EXCERPTS, N_FLOOR = 16, 8  #: of training songs, which say what the band is like, and of unheard ones

INDEX_COST, CUT_COST, CLIP_COST, PLANTING_COST, EXCERPT_COST = 0.0035, 0.09, 0.55, 0.4, 0.1
"""CPU seconds, measured: to index a second of song; to search a cut; to play, render and search a clip; to plant
copies and find them; to measure the likeness of an excerpt."""
MULTIPLICATIONS_PER_S = 1e11
"""What a training by steps reckons with, instead of a clock, so that its checks fall on the same steps every time:
a core with units for bfloat16 matrices."""

Floats = npt.NDArray[np.float32]


class ClipCheck:
    """Searches a checkpoint's clips; indexes the songs when it is first asked."""

    def __init__(self, corpus: PreparedCorpus, seed: int) -> None:
        self.corpus, self.seed = corpus, seed
        self.unheard = [s for s in corpus.songs if s.track.split in ("valid", "heldout")]
        self.train_s = corpus.seconds("train")
        self._index: SongIndex | None = None
        self._quoted: list[float] = []  #: share of each cut that training songs have, too
        self._ranges: dict[Measure, tuple[float, float]] = {}
        self._floor = 0.0

    def preparation_s(self, *, likeness: bool, again: bool = False) -> float:
        """CPU seconds before the first clip can be searched (and measured); ``again``: as if nothing were done yet."""
        seconds = INDEX_COST * self.train_s + CUT_COST * N_CUTS if again or self._index is None else 0.0
        return seconds + (EXCERPT_COST * (N_EXCERPTS + N_FLOOR) if likeness and (again or not self._ranges) else 0.0)

    @staticmethod
    def cost_of(n_clips: int, *, likeness: bool = False) -> float:
        """CPU seconds of one check of so many clips."""
        return PLANTING_COST + n_clips * (CLIP_COST + EXCERPT_COST * likeness)

    # ---- measuring ---------------------------------------------------------------

    def measure(
        self, model: BandModel, renderer: PlainRenderer, numbers: Sequence[int], *, likeness: bool,
        temperature: float = 1.0,
    ) -> dict[str, float]:  # fmt: skip
        """Play clips of these numbers by the net as it is, and say what they copy and how like the band they are."""
        index = self._index or self._prepare()
        clips = play_clips(model, renderer, numbers, seed=self.seed, length_s=CLIP_S, temperature=temperature)
        rate = model.spec.sample_rate
        copied = [c.copied_s / c.duration_s for c in find_copies(index, clips, rate)]
        planted = plant_copies(index, clips, rate, number=N_PLANTED, seed=min(numbers))
        measures = {
            COPIED: 3600.0 * float(np.mean(copied)),
            QUOTED: 3600.0 * float(np.mean(self._quoted or [0.0])),
            CHANCE: chance(copied, self._quoted, seed=self.seed),
            CLIPS: float(len(clips)),
            PLANTED: float(planted.planted),
            FOUND: float(planted.found),
        }
        if likeness:
            measures |= self._likeness(clips, rate)
        return measures

    def _prepare(self) -> SongIndex:
        heard = self.corpus.split("train")
        names = {song.track.id: f"{n}. {song.track.title}" for n, song in enumerate(heard)}
        # Unheard songs are no decoys here: what chance gives must not be measured on what is then searched.
        self._index = index_songs({names[song.track.id]: song.stereo for song in heard}, STEREO_RATE, seed=self.seed)
        cuts = [song.stereo[:, a:b] for song, a, b in spread(self.unheard, CLIP_S, N_CUTS)]
        self._quoted = [c.copied_s / c.duration_s for c in find_copies(self._index, cuts, STEREO_RATE)]
        return self._index

    def _likeness(self, clips: Sequence[Floats], rate: int) -> dict[str, float]:
        """Share of the clips' measures of beat and tone within the band's 5–95 %; the same of unheard songs."""
        if not self._ranges:
            rows = [
                row for row in map(self._band_row, spread(self.corpus.split("train"), EXCERPT_S, N_EXCERPTS)) if row
            ]
            if not rows:
                return {}
            self._ranges = {
                m: (
                    float(np.percentile([row[m] for row in rows], 5)),
                    float(np.percentile([row[m] for row in rows], 95)),
                )
                for m in rows[0]
            }
            self._floor = self._inside(map(self._band_row, spread(self.unheard, EXCERPT_S, N_FLOOR)))
        size = round(EXCERPT_S * rate)
        share = self._inside(beat_and_tone(clip[:, :size], rate) for clip in clips)
        return {LIKENESS: share, **({FLOOR: self._floor} if self.unheard else {})}

    def _band_row(self, cut: tuple[PreparedTrack, int, int]) -> dict[Measure, float]:
        song, start, end = cut
        return beat_and_tone(to_float(song.stereo[:, start:end]) / np.float32(self.corpus.gain), STEREO_RATE)

    def _inside(self, rows: Any) -> float:
        """Mean share of values within the band's ranges; what cannot be measured lies outside."""
        ranges = self._ranges
        shares = [[low <= row.get(m, np.nan) <= high for m, (low, high) in ranges.items()] for row in rows]
        return float(np.mean(shares)) if shares else 0.0


def beat_and_tone(audio: Floats, rate: int) -> dict[Measure, float]:
    """The measures of beat and tone of an excerpt of 10 s; none of one that is silent or shorter."""
    try:
        row = measure(audio, rate).excerpts[0]
    except AudioError:
        return {}
    return {m: float(row[i]) for i, m in enumerate(EXCERPT_MEASURES) if m.group in ("beat", "tone")}


def spread(songs: Sequence[PreparedTrack], seconds: float, number: int) -> list[tuple[PreparedTrack, int, int]]:
    """At most ``number`` cuts of this length, evenly over all songs: (song, first sample, end)."""
    size = round(seconds * STEREO_RATE)
    cuts = [(s, start, start + size) for s in songs for start in range(0, s.stereo.shape[1] - size + 1, size)]
    chosen = np.unique(np.linspace(0, len(cuts) - 1, min(number, len(cuts))).round().astype(int))
    return [cuts[i] for i in chosen]


def chance(clips: Sequence[float], cuts: Sequence[float], *, seed: int = 0) -> float:
    """Probability that clips copy so much more than cuts by chance, were they alike: a one-sided permutation test.

    Without cuts any copy is more than chance: a segment counts as one with p <= 0.0003 already.
    """
    ours = float(np.mean(clips)) if len(clips) else 0.0
    if not ours > 0.0:
        return 1.0
    if not len(cuts):
        return 0.0
    both, rng = np.concatenate([clips, cuts]), np.random.default_rng([seed, 4])
    means = rng.permuted(np.tile(both, (PERMUTATIONS, 1)), axis=1)[:, : len(clips)].mean(axis=1)
    return float((1 + (means >= ours - 1e-12).sum()) / (1 + PERMUTATIONS))


# ---- the rule ------------------------------------------------------------------


def is_copying(measures: Mapping[str, float]) -> bool:
    """Whether a searched checkpoint's clips copy more than the band quotes itself."""
    copied, quoted = measures.get(COPIED, 0.0), measures.get(QUOTED, 0.0)
    clearly = copied > CLEAR_TIMES * quoted + CLEAR_S_PER_HOUR
    return copied > quoted and (clearly or measures.get(CHANCE, 1.0) <= RISEN_P)


def rose_at(history: Sequence[Checkpoint]) -> int | None:
    """The first step at which copying was found to have risen; None: nowhere."""
    return min((c.step for c in history if is_copying(c.measures)), default=None)


def last_clean(history: Sequence[Checkpoint]) -> int | None:
    """The last step that was searched before copying rose."""
    rose = rose_at(history)
    clean = [c.step for c in history if COPIED in c.measures and (rose is None or c.step < rose)]
    return max(clean, default=None)


def may_play(history: Sequence[Checkpoint]) -> Callable[[int], bool]:
    """Which steps may be offered: all; or those up to the last clean one before copying rose; or, where
    none before it was searched, all before."""
    rose, clean = rose_at(history), last_clean(history)
    if rose is None:
        return lambda step: True
    return (lambda step: step < rose) if clean is None else (lambda step: step <= clean)


# ---- what may be spent ---------------------------------------------------------


@dataclass
class CheckPlan:
    """A check, and the share of a training's time that may go into it."""

    check: ClipCheck
    model: BandModel  #: with the net that is trained
    renderer: PlainRenderer
    share: float
    step_s: float  #: what a step takes, as a training by steps reckons
    before_s: float  #: and what is read before the first one
    stop: bool = False  #: the training ends where copying rises
    spent_s: float = field(default=0.0, init=False)  #: by the clock, in this run

    def due(
        self, clock_s: float, spent_s: float, n_checked: int, progress: float, *, reckoned: bool = False
    ) -> tuple[int, bool]:
        """How many clips are to be searched after ``clock_s`` of training, of which ``spent_s`` went into checks (0:
        none yet), and whether their likeness is to be measured, too. ``reckoned``: ``spent_s`` is ``reckoned_s``."""
        if n_checked >= 1 + int(progress * CHECKS):
            return 0, False
        for likeness in (True, False):
            left = self.share * clock_s - spent_s - self.check.preparation_s(likeness=likeness, again=reckoned)
            n = min(MOST, int((left - PLANTING_COST) / (CLIP_COST + EXCERPT_COST * likeness)))
            if n >= FEWEST:
                return n, likeness
        return 0, False

    def expected_s(self, whole_s: float, spent_s: float, n_checked: int) -> float:
        """Seconds of the check at the end of a training that takes ``whole_s`` in all."""
        n, likeness = self.due(whole_s, spent_s, n_checked, 1.0)
        return self.check.cost_of(n, likeness=likeness) + self.check.preparation_s(likeness=likeness) if n else 0.0

    def reckoned_s(self, history: Sequence[Checkpoint]) -> float:
        """What the checks of a history took by the measured costs, without the preparation."""
        searched = [c.measures for c in history if CLIPS in c.measures]
        return sum(self.check.cost_of(int(m[CLIPS]), likeness=LIKENESS in m) for m in searched)

    def run(self, history: Sequence[Checkpoint], n_clips: int, likeness: bool) -> dict[str, float]:
        """Check the net as it is, with clips that were not played before."""
        begun = time.monotonic()
        first = sum(int(c.measures.get(CLIPS, 0)) for c in history)
        measures = self.check.measure(self.model, self.renderer, range(first, first + n_clips), likeness=likeness)
        self.spent_s += time.monotonic() - begun
        return measures
