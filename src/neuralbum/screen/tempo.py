"""Tempo as a spectrum and a family, never one bare number.

Is a breakdown 120 or 240? Both: the song has a *base* and its octave family
(x1/2, x1, x2, x4), and lesser relatives at 2:3 and 3:4. *clarity* says how
strongly anything repeats at all: noise and drones lie near zero and have no
tempo (base 0); blast beats are the fastest that are found.

Pure: an onset curve in, a TempoSpectrum out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..audio import tempogram
from ..audio.tempogram import BINS_PER_OCTAVE, BPM, HIGH_BPM, LOW_BPM

Floats = npt.NDArray[np.float64]

WINDOW_S = 10.0
HOP_S = 5.0
MIN_S = 2.0  #: shorter sounds have no tempo
MAX_PEAKS = 4
PEAK_SHARE = 0.1  #: peaks below this share of the highest are left out
RELATIONS = (
    ("x1/2", 0.5),
    ("x1", 1.0),
    ("x2", 2.0),
    ("x4", 4.0),
    ("x3", 3.0),  # the quavers of 6/8
    ("2:3", 1.5),
    ("3:2", 2 / 3),
    ("3:4", 4 / 3),
    ("4:3", 0.75),
)
FELT_BPM, FELT_OCTAVES = 140.0, 0.8  #: where people tap this kind of music, and how far they stray
CLEAR_DRUM = 0.2  #: likeness of the low drums to themselves, at the best octave, from which they tell the beat
SWING_POWER = 0.1  #: a bar repeats as well as its beat: of two octaves alike, that at which the curve also swings
COMPOUND_LOW_BPM = 150.0  #: three of the base make a beat only if the base is at least this fast
COMPOUND_OVER_SIMPLE = 2.0  #: the kick's likeness at 3 base beats over that at 2 and at 4, to call it compound
COMPOUND_OVER_BAR = 0.85  #: and over that at 6: in 3/4 the bar is clearer than its half, in 6/8 it is not …
COMPOUND_USUAL_BPM = 200.0  #: … at this speed of the base; faster threes are rather bars of 3/4, so more is asked
COMPOUND_LEAST = 0.2  #: and at least this much in itself


@dataclass(frozen=True)
class Peak:
    """A tempo that stands out; ``strength`` is relative to the highest peak."""

    bpm: float
    strength: float


@dataclass(frozen=True)
class Relative:
    """A member of the base's family, and how strong it is in all bands or in the low drums (highest of each = 1)."""

    relation: str
    bpm: float
    strength: float


@dataclass(frozen=True)
class TempoSpectrum:
    """The tempo of one stretch of music; ``base_bpm`` is 0 where nothing repeats."""

    base_bpm: float
    clarity: float  #: highest normalised autocorrelation, 0 to 1
    peaks: tuple[Peak, ...]
    family: tuple[Relative, ...]
    spectrum: Floats  #: (193,) over audio.tempogram.BPM, highest = 1 (all 0 without tempo)

    def plain(self) -> dict[str, object]:
        """As stored with a finding: plain values, rounded."""
        return {
            "base_bpm": round(self.base_bpm, 2),
            "clarity": round(self.clarity, 4),
            "peaks": [{"bpm": round(p.bpm, 2), "strength": round(p.strength, 3)} for p in self.peaks],
            "family": [
                {"relation": r.relation, "bpm": round(r.bpm, 2), "strength": round(r.strength, 3)} for r in self.family
            ],
        }


@dataclass(frozen=True)
class Tempo:
    """A song's tempo, and how it goes on: one spectrum per 10 s."""

    song: TempoSpectrum
    parts: tuple[tuple[float, float, TempoSpectrum], ...]  #: (start_s, end_s, spectrum)


def measure(onset: npt.NDArray[np.floating], frame_rate: float, *, clarity: float = 0.2) -> Tempo:
    """Tempo of an onset curve (rise in dB per frame).

    Parameters
    ----------
    onset : (n_frames,) or (n_frames, 2)
        All bands, and if there is a second column, the kick drum's bands.
    frame_rate : float, Hz
    clarity : float
        Below this nothing is said to have a tempo.
    """
    curves = np.atleast_2d(np.asarray(onset).T)  # (n_curves, n_frames)
    duration_s = curves.shape[1] / frame_rate
    if duration_s < MIN_S:
        return Tempo(nothing(), ())
    window_s = min(WINDOW_S, duration_s)
    # (n_windows, n_curves, 2, N_BINS)
    views = np.stack([tempogram.tempograms(c, frame_rate, window_s=window_s, hop_s=HOP_S) for c in curves], axis=1)
    every = max(1, round(WINDOW_S / HOP_S))
    parts = tuple(
        (i * HOP_S, min(i * HOP_S + WINDOW_S, duration_s), judge(view, clarity))
        for i, view in enumerate(views)
        if i % every == 0
    )
    return Tempo(judge(views.mean(axis=0), clarity), parts)


def judge(views: Floats, threshold: float) -> TempoSpectrum:
    """Name the base, peaks and family.

    ``views`` is (n_curves, 2, 193): of each onset curve the Fourier view and the
    autocorrelation; the last curve is the kick drum's if there are two.
    """
    fourier, likeness = views[0]
    clarity = float(min(1.0, likeness.max()))
    if clarity < threshold:
        return nothing(clarity)
    spectrum = tempogram.smooth_bins(fourier, 0.7) * likeness
    spectrum = spectrum / max(float(spectrum.max()), 1e-12)
    peaks = _peaks(spectrum)
    strongest = _strongest_of_family(spectrum, peaks)
    compound = _is_compound(views[-1][1], strongest)
    base = strongest / 3.0 if compound else _felt(views, peaks, strongest)
    drums = tempogram.smooth_bins(views[-1][0], 0.7) * views[-1][1]
    heard = np.maximum(spectrum, drums / max(float(drums.max()), 1e-12))
    family = tuple(
        Relative(name, base * ratio, _strength_at(heard, base * ratio))
        for name, ratio in RELATIONS
        if LOW_BPM <= base * ratio <= HIGH_BPM
    )
    return TempoSpectrum(base, clarity, peaks, family, spectrum)


def _is_compound(kick: Floats, base_bpm: float) -> bool:
    """Whether three base beats make one felt beat (6/8, 12/8), by how well the kick repeats."""
    if base_bpm < COMPOUND_LOW_BPM:
        return False
    two, three, four, six = (_strength_at(kick, base_bpm / n) if base_bpm / n >= LOW_BPM else 0.0 for n in (2, 3, 4, 6))
    over_bar = COMPOUND_OVER_BAR * base_bpm / COMPOUND_USUAL_BPM
    return three >= max(COMPOUND_LEAST, COMPOUND_OVER_SIMPLE * max(two, four), over_bar * six)


def nothing(clarity: float = 0.0) -> TempoSpectrum:
    """No tempo."""
    return TempoSpectrum(0.0, clarity, (), (), np.zeros(tempogram.N_BINS))


def same_family(bpm: float, other: float, *, tolerance: float = 0.04) -> bool:
    """Whether two tempi are the same up to octaves, within a tolerance (ratio)."""
    if bpm <= 0 or other <= 0:
        return bpm == other
    octaves = np.log2(bpm / other)
    return bool(abs(octaves - round(octaves)) <= np.log2(1 + tolerance))


def same_tempo(bpm: float, other: float, *, tolerance: float = 0.03) -> bool:
    """Whether two tempi are the same within a tolerance (ratio)."""
    return bool(abs(np.log(bpm / other)) <= np.log(1 + tolerance))


def _peaks(spectrum: Floats) -> tuple[Peak, ...]:
    inner = np.flatnonzero((spectrum[1:-1] >= spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])) + 1
    strong = [i for i in inner if spectrum[i] >= PEAK_SHARE]
    strong.sort(key=lambda i: -spectrum[i])
    chosen: list[int] = []
    for i in strong:
        if all(abs(i - j) >= 3 for j in chosen):
            chosen.append(int(i))
    return tuple(Peak(tempogram.peak_bpm(spectrum, i), float(spectrum[i])) for i in chosen[:MAX_PEAKS])


def _strongest_of_family(spectrum: Floats, peaks: tuple[Peak, ...]) -> float:
    """The strongest member of the strongest octave class.

    Octaves are folded first (a cyclic tempogram), because half and double tempo
    speak for the same family; a lone 3:2 relative does not.
    """
    n = BINS_PER_OCTAVE
    folded = spectrum[: 4 * n].reshape(4, n).sum(axis=0)
    folded[0] += spectrum[4 * n]
    blurred = np.convolve(np.concatenate([folded[-2:], folded, folded[:2]]), [0.25, 0.75, 1, 0.75, 0.25], "valid")
    pitch = int(np.argmax(blurred))
    members = [p for p in peaks if abs((np.log2(p.bpm / LOW_BPM) * n - pitch + n / 2) % n - n / 2) <= 2]
    if members:
        return max(members, key=lambda p: p.strength).bpm
    octave = int(np.argmax(spectrum[pitch::n]))
    return float(BPM[pitch + n * octave])


def _felt(views: Floats, peaks: tuple[Peak, ...], strongest: float) -> float:
    """The octave of ``strongest`` that people would rather tap: it repeats, and lies near FELT_BPM.

    What sounds on every eighth note (hats, an arpeggio) makes double tempo the
    strongest of all bands. The low drums tell the beat: their curve is like itself
    from one beat to the next, and not from one eighth to the next. Where there are
    none, all bands are asked. Only this choice leans on what is usual; the family stays as measured.
    """
    octaves = [strongest * 2.0**k for k in range(-4, 5)]
    known = [o for o in octaves if LOW_BPM <= o <= HIGH_BPM]
    clear = max(_strength_at(views[-1][1], o) for o in known) >= CLEAR_DRUM
    swing, likeness = views[-1] if clear else views[0]
    taste = [
        _strength_at(likeness, o)
        * _strength_at(swing, o) ** SWING_POWER
        * np.exp(-0.5 * (np.log2(o / FELT_BPM) / FELT_OCTAVES) ** 2)
        for o in known
    ]
    base = known[int(np.argmax(taste))]
    return (
        min((p.bpm for p in peaks), key=lambda bpm: abs(np.log(bpm / base)))
        if any(same_tempo(p.bpm, base) for p in peaks)
        else base
    )


def _strength_at(spectrum: Floats, bpm: float) -> float:
    at = np.log2(bpm / LOW_BPM) * BINS_PER_OCTAVE
    low, high = max(0, int(np.floor(at - 1))), min(spectrum.size, int(np.ceil(at + 1)) + 1)
    return float(spectrum[low:high].max())
