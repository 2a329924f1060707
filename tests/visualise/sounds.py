"""Sounds made for the tests, and the plain chain they are held to."""

from __future__ import annotations

import librosa
import numpy as np

RATE = 22050


def tone(hz, seconds=2.0, rate=RATE, gain=0.5):
    n = int(seconds * rate)
    edge = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.02 * rate))
    return (gain * edge * np.sin(2 * np.pi * hz * np.arange(n) / rate)).astype(np.float32)


def hits(per_second, seconds=4.0, rate=RATE, gain=0.5):
    """Short bursts of noise, as a drummer would play them."""
    rng = np.random.default_rng(0)
    audio = np.zeros(int(seconds * rate), np.float32)
    n = int(0.05 * rate)
    burst = gain * rng.standard_normal(n) * np.exp(-np.arange(n) / (0.012 * rate))
    for start in (np.arange(0.1, seconds - 0.1, 1 / per_second) * rate).astype(int):
        audio[start : start + n] += burst
    return np.clip(audio, -1, 1).astype(np.float32)


def band(seconds=6.0, rate=44100):
    """Chords, hits and a hiss: something of everything, and no digital silence."""
    rng = np.random.default_rng(1)
    audio = 0.003 * rng.standard_normal(int(seconds * rate))
    for start, root in list(enumerate((110.0, 146.8, 98.0, 164.8, 110.0, 130.8)))[: int(seconds)]:
        for ratio in (1, 1.5, 2, 3, 4):
            note = tone(root * ratio, 0.95, rate, 0.12 / ratio)
            audio[start * rate : start * rate + len(note)] += note
    return (audio + hits(4, seconds, rate, 0.3)[: len(audio)]).astype(np.float32)


def plain_chain(audio, rate, *, fps=30, margin=3.0, range_db=60.0, half_life_s=0.25):
    """The analysis as anyone would write it with librosa: slow, and easy to check."""
    spectrum = librosa.stft(audio, n_fft=2048, hop_length=512)
    mask_h, mask_p = librosa.decompose.hpss(spectrum, margin=margin, mask=True)
    y_h = librosa.istft(spectrum * mask_h, length=len(audio))
    y_p = librosa.istft(spectrum * mask_p, length=len(audio))
    c_db = librosa.amplitude_to_db(np.abs(librosa.cqt(y_h, sr=rate, hop_length=512)), ref=1.0, top_db=None)
    mel = librosa.feature.melspectrogram(y=y_p, sr=rate, n_mels=128, fmin=20.0)
    centres = librosa.mel_frequencies(130, fmin=20.0, fmax=rate / 2)[1:-1]
    m_db = librosa.power_to_db(mel, ref=1.0, top_db=None) + librosa.A_weighting(centres, min_db=None)[:, None]
    h, b = (np.clip((db - db.max() + range_db) / range_db, 0, 1) for db in (c_db, m_db))
    k = np.empty_like(b)
    last = np.zeros(len(b))
    for t in range(b.shape[1]):
        last = np.maximum(b[:, t], last * 2.0 ** (-512 / rate / half_life_s))
        k[:, t] = last
    times = np.arange(h.shape[1]) * 512 / rate
    h_v, k_v = [], []
    for frame in range(int(np.ceil(len(audio) / rate * fps - 1e-9))):
        inside = (times >= frame / fps - 1e-12) & (times < (frame + 1) / fps - 1e-12)
        h_v.append(h[:, inside].mean(axis=1))
        k_v.append(k[:, inside].max(axis=1))
    return {
        "mask_h": mask_h.T, "mask_p": mask_p.T, "y_p": y_p, "c_db": c_db.T, "m_db": m_db.T,
        "H": h.T, "B": b.T, "K": k.T, "H_v": np.array(h_v), "K_v": np.array(k_v),
    }  # fmt: skip
