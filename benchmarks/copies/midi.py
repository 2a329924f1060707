"""Standard MIDI files as sound: a reader and a small synthesiser, for songs played twice.

Ground truth for covers: the same notes with other instruments, in another key and
tempo. The instruments are sums of partials with decays; nothing is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
DRUM_CHANNEL = 9
PERIOD = 4096


@dataclass(frozen=True)
class Note:
    start_s: float
    duration_s: float
    pitch: int  #: MIDI number
    velocity: int
    channel: int
    programme: int


def read_midi(path: Path) -> list[Note]:
    """The notes of a standard MIDI file of format 0 or 1, at its own tempi."""
    data = path.read_bytes()
    if data[:4] != b"MThd":
        raise ValueError(f"{path}: not a MIDI file")
    division = int.from_bytes(data[12:14], "big")
    at, events = 14, []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            events += _track(data[at + 8 : at + 8 + size])
        at += 8 + size
    events.sort(key=lambda e: e[0])
    notes: list[Note] = []
    programmes = [0] * 16
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    now, last_tick, tempo = 0.0, 0, 500_000
    for tick, kind, channel, a, b in events:
        now += (tick - last_tick) * tempo / division / 1e6
        last_tick = tick
        if kind == "tempo":
            tempo = a
        elif kind == "programme":
            programmes[channel] = a
        elif kind == "on" and b > 0:
            sounding[channel, a] = (now, b)
        elif (channel, a) in sounding:
            start, velocity = sounding.pop((channel, a))
            notes.append(Note(start, max(now - start, 0.05), a, velocity, channel, programmes[channel]))
    return notes


def _track(data: bytes) -> list[tuple[int, str, int, int, int]]:
    at, tick, status, events = 0, 0, 0, []

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            value = value << 7 | data[at] & 127
            at += 1
            if data[at - 1] < 128:
                return value

    while at < len(data):
        tick += number()
        if data[at] >= 128:
            status = data[at]
            at += 1
        if status == 0xFF:
            kind = data[at]
            at += 1
            size = number()
            if kind == 0x51:
                events.append((tick, "tempo", 0, int.from_bytes(data[at : at + size], "big"), 0))
            at += size
        elif status in (0xF0, 0xF7):
            at += number()
        else:
            high, channel = status >> 4, status & 15
            if high in (0xC, 0xD):
                if high == 0xC:
                    events.append((tick, "programme", channel, data[at], 0))
                at += 1
                continue
            if high in (0x8, 0x9):
                events.append((tick, "on" if high == 9 else "off", channel, data[at], data[at + 1] if high == 9 else 0))
            at += 2
    return events


def play(
    notes: list[Note], *, seed: int, transpose: int = 0, tempo: float = 1.0, length_s: float = 120.0
) -> npt.NDArray[np.float32]:
    """Play notes with an orchestra drawn from ``seed``: mono float32 at SAMPLE_RATE."""
    rng = np.random.default_rng(seed)
    orchestra: dict[int, tuple[npt.NDArray[np.float64], float, float]] = {}
    tables: dict[tuple[int, int], npt.NDArray[np.float32]] = {}
    out = np.zeros(int((length_s + 4) * SAMPLE_RATE), np.float32)
    for note in notes:
        start, duration = note.start_s / tempo, note.duration_s / tempo
        if start >= length_s:
            continue
        begin = int(start * SAMPLE_RATE)
        if note.channel == DRUM_CHANNEL:
            n = int(0.15 * SAMPLE_RATE)
            sound = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.02 + 0.002 * (note.pitch % 20)) / SAMPLE_RATE)
            out[begin : begin + n] += (0.15 * note.velocity / 127 * sound).astype(np.float32)
            continue
        if note.programme not in orchestra:
            partials = rng.random(8) * np.arange(1, 9) ** -rng.uniform(0.6, 2.0)
            partials[0] = max(partials[0], 0.3)
            orchestra[note.programme] = (partials, rng.uniform(0.2, 2.0), rng.uniform(0.003, 0.05))
        partials, decay_s, attack_s = orchestra[note.programme]
        n = min(int((min(duration, 4.0) + 0.1) * SAMPLE_RATE), len(out) - begin)
        at = np.arange(n, dtype=np.float32) / np.float32(SAMPLE_RATE)
        hz = 440.0 * 2 ** ((note.pitch + transpose - 69) / 12)
        n_partials = min(int(SAMPLE_RATE / 2 / hz), len(partials))
        if (note.programme, n_partials) not in tables:  # one period, read at the pitch's pace
            phase = 2 * np.pi * np.arange(PERIOD) / PERIOD
            wave = sum(partials[k - 1] * np.sin(k * phase + k) for k in range(1, n_partials + 1))
            tables[note.programme, n_partials] = np.asarray(wave, np.float32)
        steps = (np.arange(n) * (hz * PERIOD / SAMPLE_RATE)).astype(np.int64) % PERIOD
        shape = np.minimum(at / attack_s, 1) * np.exp(-at / decay_s) * np.clip((duration + 0.1 - at) * 10, 0, 1)
        sound = tables[note.programme, n_partials][steps] * shape
        out[begin : begin + n] += (0.2 * note.velocity / 127 * sound).astype(np.float32)
    out = out[: int(length_s * SAMPLE_RATE)]
    end = int(max((n.start_s + n.duration_s) / tempo for n in notes) * SAMPLE_RATE)
    out = out[:end]
    return out / max(float(np.abs(out).max()), 1e-6) * np.float32(0.8)
