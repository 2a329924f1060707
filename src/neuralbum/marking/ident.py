"""A mark for ears: three soft rising notes over the first second of a song, as a broadcaster's ident.

Off unless asked for. The notes lie between the keys of a piano, so that a detector is not misled by music. A spoken
ident needs a voice: no speech synthesiser that works offline comes under a licence that this program could depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]

NOTES_HZ = (1127.0, 1493.0, 1889.0)
NOTE_S = 0.25
START_S = 0.1
UNDER_DB = 9.0  #: amplitude of the notes under the song's loudness
LOUDEST, UNKNOWN = 0.2, 0.05  #: amplitudes: at most, and where the loudness is not known
LEAST_RATIO = 10.0
"""A note is heard where its frequency has this many times the power that it has while the two others sound."""


def ident_amplitude(loudness_lufs: float | None) -> float:
    """How loud the notes are for a song of this loudness."""
    return UNKNOWN if loudness_lufs is None else min(LOUDEST, 10 ** ((round(loudness_lufs) - UNDER_DB) / 20))


def ident_blocks(blocks: Iterable[tuple[Audio, int]], amplitude: float) -> Iterator[tuple[Audio, int]]:
    """Lay the ident over a song as it is decoded: (float32 (channels, n), sample_rate) in and out."""
    at, notes = 0, np.zeros(0, np.float32)
    for block, rate in blocks:
        if at == 0:
            notes = np.float32(amplitude) * _notes(rate)
        here = notes[at : at + block.shape[1]]
        if len(here):
            block = block.copy()
            block[:, : len(here)] += here
        at += block.shape[1]
        yield block, rate


def beginning(blocks: Iterable[tuple[Audio, int]]) -> tuple[Audio, int]:
    """The stretch of a song that the ident lies over, as one block."""
    parts: list[Audio] = []
    rate = 0
    for block, rate in blocks:
        parts.append(block)
        if sum(part.shape[1] for part in parts) >= rate * (START_S + 3 * NOTE_S + 0.1):
            break
    return np.concatenate(parts, axis=1), rate


def has_ident(audio: Audio, sample_rate: int) -> bool:
    """Whether a song, float32 (channels, n), begins with the ident: each note where it belongs and not elsewhere."""
    length = round(NOTE_S * sample_rate)
    start = round(START_S * sample_rate)
    slots = audio.mean(axis=0)[start : start + 3 * length]
    if len(slots) < 3 * length:
        return False
    wave = np.exp(-2j * np.pi * np.outer(NOTES_HZ, np.arange(length) / sample_rate)) * np.hanning(length)
    power = np.abs(wave @ slots.reshape(3, length).T) ** 2 + 1e-12  # (note, slot)
    others = (power.sum(axis=1) - power.diagonal()) / 2
    return bool((power.diagonal() > LEAST_RATIO * others).all())


def _notes(sample_rate: int) -> Audio:
    length = round(NOTE_S * sample_rate)
    time = np.arange(length) / sample_rate
    notes = [np.sin(2 * np.pi * hz * time) * np.hanning(length) for hz in NOTES_HZ]
    return np.concatenate([np.zeros(round(START_S * sample_rate)), *notes]).astype(np.float32)
