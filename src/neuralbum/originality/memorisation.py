"""How much does a net quote? Four arms of equal measure, and snippets hidden to test the test.

* *generated* takes against the songs the net heard: what may be copied;
* *held-out*: the same takes against songs it never heard: what chance and style give;
* *self*: held-out songs against the songs it heard: how much the band quotes itself;
* *reversed*: the takes backwards against the songs it heard: no copy at all, so what is
  found here is the error of the method;
* *spiked*: known snippets of 1 to 5 s hidden in the takes: what share of them is found, so
  that "nothing found" has a stated sensitivity.

Pure: sounds and searchers in, plain numbers out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .null import benjamini_hochberg
from .search import Searcher, Segment
from .spectra import SAMPLE_RATE, Float

SPIKE_LENGTHS_S = (1.0, 2.0, 3.0, 5.0)
SPIKE_SURROUNDINGS_S = 30.0
PLACE_S = 0.5
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Arm:
    """What was found in one arm."""

    sounds: int
    seconds: float
    hits: int  #: sounds called at the false discovery rate
    matched_s: float
    matched_s_per_hour: float
    longest_s: float
    share_covered: float  #: of all seconds
    sources: int  #: different tracks matched
    per_sound_s: tuple[float, ...]  #: matched seconds of each sound
    segments: tuple[dict[str, Any], ...]


def search_arm(searcher: Searcher, sounds: Sequence[Float], *, lanes: Sequence[str], max_p: float, rate: float) -> Arm:
    """Search sounds; count what lies in sounds called at false discovery rate ``rate``."""
    found = [searcher.search(s, name=str(n), lanes=lanes, max_p=1.0) for n, s in enumerate(sounds)]
    q = benjamini_hochberg([min((s.p for s in some), default=1.0) for some in found])
    listed = [[s for s in some if s.p <= max_p] if value <= rate else [] for some, value in zip(found, q, strict=True)]
    per_sound = tuple(covered_s(some) for some in listed)
    seconds = sum(sound.size for sound in sounds) / SAMPLE_RATE
    every = [segment for some in listed for segment in some]
    return Arm(
        sounds=len(sounds),
        seconds=seconds,
        hits=sum(bool(some) for some in listed),
        matched_s=sum(per_sound),
        matched_s_per_hour=3600 * sum(per_sound) / max(seconds, 1e-9),
        longest_s=max((segment.duration_s for segment in every), default=0.0),
        share_covered=sum(per_sound) / max(seconds, 1e-9),
        sources=len({segment.reference for segment in every}),
        per_sound_s=per_sound,
        segments=tuple(asdict(segment) for segment in every),
    )


def covered_s(segments: Sequence[Segment]) -> float:
    """Seconds of a sound that lie in at least one segment."""
    total, end = 0.0, -np.inf
    for start_s, end_s in sorted((s.q_start_s, s.q_end_s) for s in segments):
        total += max(0.0, end_s - max(start_s, end))
        end = max(end, end_s)
    return float(total)


def excess(generated: Arm, control: Arm, rng: np.random.Generator) -> tuple[float, float, float]:
    """Matched seconds per hour beyond the control: (value, low, high), a 95 % bootstrap over sounds."""
    lengths = generated.seconds / max(generated.sounds, 1)
    ours, theirs = np.array(generated.per_sound_s), np.array(control.per_sound_s)
    if not ours.size or not theirs.size:
        return 0.0, 0.0, 0.0
    scale = 3600 / max(lengths, 1e-9)
    draws = [
        (rng.choice(ours, ours.size).mean() - rng.choice(theirs, theirs.size).mean()) * scale for _ in range(BOOTSTRAPS)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float((ours.mean() - theirs.mean()) * scale), float(low), float(high)


def spike(
    searcher: Searcher,
    hosts: Sequence[Float],
    originals: dict[str, Float],
    rng: np.random.Generator,
    *,
    number: int,
    lanes: Sequence[str],
    max_p: float,
) -> dict[str, Any]:
    """Hide ``number`` snippets of known tracks in the hosts; what share is found, by length."""
    trials: list[tuple[float, bool]] = []
    usable = {name: sound for name, sound in originals.items() if sound.size > 2 * max(SPIKE_LENGTHS_S) * SAMPLE_RATE}
    hosts = [host for host in hosts if host.size > 2 * max(SPIKE_LENGTHS_S) * SAMPLE_RATE]
    for n in range(number if usable and hosts else 0):
        length_s = SPIKE_LENGTHS_S[n % len(SPIKE_LENGTHS_S)]
        name = list(usable)[int(rng.integers(len(usable)))]
        size = round(length_s * SAMPLE_RATE)
        at = _loud_place(usable[name], size, rng)
        host = hosts[n % len(hosts)]
        wide = min(round(SPIKE_SURROUNDINGS_S * SAMPLE_RATE), host.size)
        first = int(rng.integers(0, host.size - wide + 1))
        host = host[first : first + wide].copy()
        inside = int(rng.integers(0, wide - size + 1))
        snippet = usable[name][at : at + size]
        gain = max(_level(host), 1e-4) / max(_level(snippet), 1e-6)
        host[inside : inside + size] = snippet * np.float32(gain)
        found = searcher.search(host, lanes=lanes, max_p=max_p)
        expected = (at - inside) / SAMPLE_RATE
        trials.append(
            (
                length_s,
                any(s.reference == name and abs(s.r_start_s - s.q_start_s - expected) <= PLACE_S for s in found),
            )
        )
    by_length = {
        f"{length:g} s": float(np.mean([ok for s, ok in trials if s == length]))
        for length in SPIKE_LENGTHS_S
        if any(s == length for s, _ in trials)
    }
    return {
        "hidden": len(trials),
        "found": sum(ok for _, ok in trials),
        "sensitivity": float(np.mean([ok for _, ok in trials])) if trials else None,
        "by_length": by_length,
    }


def four_arms(
    generated: Sequence[Float],
    trained: Searcher,
    heldout: Searcher | None,
    heard: dict[str, Float],
    unheard: Sequence[Float],
    *,
    seed: int,
    lanes: Sequence[str],
    max_p: float,
    rate: float,
    spikes: int = 20,
) -> dict[str, Any]:
    """All arms of one checkpoint at one temperature, as plain values."""
    asked: dict[str, Any] = {"lanes": lanes, "max_p": max_p, "rate": rate}
    rng = np.random.default_rng(seed)
    ours = search_arm(trained, generated, **asked)
    control = search_arm(heldout, generated, **asked) if heldout else None
    length = max((sound.size for sound in generated), default=0)
    own = search_arm(trained, _same_measure(unheard, length, len(generated)), **asked)
    backwards = search_arm(trained, [np.ascontiguousarray(sound[::-1]) for sound in generated], **asked)
    beyond = excess(ours, control or backwards, rng)
    return {
        "generated": asdict(ours),
        "heldout": asdict(control) if control else None,
        "self": asdict(own),
        "reversed": asdict(backwards),
        "spiked": spike(trained, generated, heard, rng, number=spikes, lanes=lanes, max_p=max_p),
        "excess_s_per_hour": {"value": beyond[0], "low": beyond[1], "high": beyond[2]},
        "matched_s_per_hour": ours.matched_s_per_hour,
    }


def _same_measure(sounds: Sequence[Float], length: int, number: int) -> list[Float]:
    """Cuts of ``length`` samples, at most ``number``, spread over the sounds."""
    cuts = [
        sound[start : start + length]
        for sound in sounds
        for start in range(0, max(sound.size - length // 2, 1), max(length, 1))
        if length
    ]
    every = max(len(cuts) // max(number, 1), 1)
    return cuts[::every][:number]


def _loud_place(sound: Float, size: int, rng: np.random.Generator) -> int:
    for _ in range(20):
        at = int(rng.integers(0, sound.size - size))
        if _level(sound[at : at + size]) > 0.1 * _level(sound):
            return at
    return at


def _level(sound: Float) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
