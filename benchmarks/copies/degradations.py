"""How a copied snippet is spoiled: codecs, noise, filters, mixes, other pitch and tempo. Seeded."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralbum.originality import fingerprints

Float = npt.NDArray[np.float32]
RATE = fingerprints.SAMPLE_RATE


def mu_law(sound: Float) -> Float:
    peak = max(float(np.abs(sound).max()), 1e-9)
    companded = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / math.log(256)
    companded = np.rint(companded * 127) / 127
    return (np.sign(companded) * (256.0 ** np.abs(companded) - 1) / 255 * peak).astype(np.float32)


def level(sound: Float) -> float:
    return math.sqrt(float(np.mean(np.square(sound))) + 1e-12)


def noisy(sound: Float, db: float, rng: np.random.Generator) -> Float:
    noise = rng.standard_normal(sound.size).astype(np.float32)
    return sound + noise * np.float32(level(sound) / 10 ** (db / 20))


def mixed(sound: Float, other: Float) -> Float:
    return sound / np.float32(level(sound)) + other[: sound.size] / np.float32(level(other[: sound.size]))


def low_passed(sound: Float) -> Float:
    from scipy import signal

    return signal.sosfilt(signal.butter(6, 3000, fs=RATE, output="sos"), sound).astype(np.float32)


def equalised(sound: Float, rng: np.random.Generator) -> Float:
    spectrum = np.fft.rfft(sound)
    octave = np.log2(np.maximum(np.fft.rfftfreq(sound.size, 1 / RATE), 30) / 30)
    gain_db = np.interp(octave, np.arange(0, 10, 1.5), rng.uniform(-12, 12, 7))
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), sound.size).astype(np.float32)


def compressed(sound: Float, bit_rate: int = 64_000) -> Float:
    """Through MP3 and back."""
    import av

    held = io.BytesIO()
    with av.open(held, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (part := fifo.read(1152, True)) is not None:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    held.seek(0)
    with av.open(held) as back:
        parts = [np.atleast_2d(f.to_ndarray()).mean(axis=0) for f in back.decode(audio=0)]
    decoded = np.concatenate(parts).astype(np.float32)
    delay = min(1105, max(decoded.size - sound.size, 0))  # LAME's delay: 576 + 529 samples
    return decoded[delay : delay + sound.size]


def taped(sound: Float, semitones: float) -> Float:
    import soxr

    return soxr.resample(sound, RATE * 2 ** (semitones / 12), RATE).astype(np.float32)


def stretched(sound: Float, speed: float) -> Float:
    import librosa

    return librosa.effects.time_stretch(sound, rate=speed).astype(np.float32)


def pitched(sound: Float, semitones: float) -> Float:
    import librosa

    return librosa.effects.pitch_shift(sound, sr=RATE, n_steps=semitones).astype(np.float32)


@dataclass(frozen=True)
class Condition:
    name: str
    spoil: Callable[[Float, Float, np.random.Generator], Float]  #: (snippet, other music, dice)
    speed: float = 1.0
    bars: tuple[tuple[int, float], ...] = ()  #: (length in s, recall in %)


def tape_speed(semitones: float) -> float:
    return 2 ** (semitones / 12)


ALWAYS = ((1, 90), (2, 100), (3, 100))
CONDITIONS = (
    Condition("clean", lambda s, o, r: s, bars=ALWAYS),
    Condition("mp3 64k", lambda s, o, r: compressed(s), bars=ALWAYS),
    Condition("mu-law 8 bit", lambda s, o, r: mu_law(s), bars=ALWAYS),
    Condition("mu-law + noise 10 dB", lambda s, o, r: mu_law(noisy(s, 10, r)), bars=((1, 70), (2, 80), (3, 97))),
    Condition("noise 0 dB", lambda s, o, r: noisy(s, 0, r), bars=((3, 65), (5, 85), (10, 100))),
    Condition("low-pass 3 kHz", lambda s, o, r: low_passed(s), bars=((1, 90), (2, 100), (5, 100))),
    Condition("equaliser ±12 dB", lambda s, o, r: equalised(s, r), bars=((1, 90), (2, 100), (5, 100))),
    Condition("mixed at 0 dB", lambda s, o, r: mixed(s, o), bars=((1, 50), (3, 95), (10, 100))),
    *(
        Condition(f"pitch {n:+d}", lambda s, o, r, n=n: pitched(s, n), bars=((3, 85), (5, 95), (10, 100)))  # type: ignore[misc]
        for n in (1, -1, 2, -2)
    ),
    *(
        Condition(f"pitch {n:+d}", lambda s, o, r, n=n: pitched(s, n), bars=((5, 90), (10, 100)))  # type: ignore[misc]
        for n in (4, -4)
    ),
    *(
        Condition(
            f"tape {n:+d}", lambda s, o, r, n=n: taped(s, n), tape_speed(n), bars=((10, 95 if abs(n) == 1 else 90),)
        )  # type: ignore[misc]
        for n in (1, -1, 2, -2)
    ),
    *(
        Condition(f"tempo x{v}", lambda s, o, r, v=v: stretched(s, v), v, bars=((1, 75), (3, 100), (10, 100)))  # type: ignore[misc]
        for v in (1.05, 0.95)
    ),
    *(
        Condition(f"tempo x{v}", lambda s, o, r, v=v: stretched(s, v), v, bars=((3, 80), (10, 95)))  # type: ignore[misc]
        for v in (1.1, 0.9)
    ),
)
