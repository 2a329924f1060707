"""Songs at both rates: what is learnt from, what is held out, what is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

import music
from neuralbum import audio
from neuralbum.flesh import scores
from neuralbum.flesh.net import Generator
from neuralbum.flesh.pairs import Song
from neuralbum.flesh.stream import stream_blocks
from neuralbum.prepared import to_int16

SEED = 4
HELD_OUT = ("stairs", "ninesix")
TRAIN = ("brokenlight", "desert3", "sixtyfour_", "sixtyfour_revisited")
SONG_S = 90.0
INPUT_RATE, OUTPUT_RATE, N_LEVELS = 16_000, 44_100, 256


def song(path: Path, start_s: float, length_s: float) -> Song:
    rate = soundfile.info(path).samplerate
    sound = soundfile.read(
        path, start=round(start_s * rate), frames=round(length_s * rate), dtype="float32", always_2d=True
    )[0].T
    stereo = audio.resample(
        np.ascontiguousarray(np.repeat(sound, 2, axis=0)[:2] if len(sound) == 1 else sound), rate, OUTPUT_RATE
    )
    stereo = stereo * np.float32(0.7)
    mono = audio.resample(stereo.mean(axis=0, keepdims=True), OUTPUT_RATE, INPUT_RATE)[0]
    return Song(path.stem, to_int16(mono), to_int16(stereo))


def fleshed(net: Generator, mono: np.ndarray, n_samples: int, level: float = 0.0) -> np.ndarray:
    return scores.fitted(np.concatenate(list(stream_blocks(net, [mono], level=level)), axis=1), n_samples)


def resampled(mono: np.ndarray, n_samples: int) -> np.ndarray:
    return scores.fitted(np.repeat(audio.resample(mono[None], INPUT_RATE, OUTPUT_RATE), 2, axis=0), n_samples)


def material() -> list[Song]:
    by_name = {path.stem.removeprefix("blkrbt-"): path for path in music.tracks("blkrbt")}
    return [song(by_name[name], 0.0, SONG_S) for name in TRAIN]


def held_out(seconds: float) -> list[Song]:
    by_name = {path.stem.removeprefix("blkrbt-"): path for path in music.tracks("blkrbt")}
    return [song(by_name[name], (soundfile.info(by_name[name]).duration - seconds) / 2, seconds) for name in HELD_OUT]
