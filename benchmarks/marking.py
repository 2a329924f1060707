"""The mark: is it found after everything that happens to music, never where it is not, and not heard?

    python benchmarks/marking.py [--quick] [--json] [--tuning]

Marked are all songs by elysis from Debian's nexuiz-music and songs of the built-in band of seeds that nothing was
tuned on; --tuning takes blkrbt and the band's seed 0 instead, on which the scheme was made. Each stretch is cut out of
a marked song at a place that is no multiple of anything, attacked, mixed down where the attack says so, and given to
the detector, which knows neither place nor speed nor payload. *Found*: p < 1e-6 after all that was tried.
*Exact*: all 72 bits. Sparse stretches are counted on their own, too: those whose levels change most from step to step.

False alarms: unmarked stretches under wrong keys. ViSQOL is measured where a package that brings it is installed
(``pip install visqol-python``, Apache-2.0; not a dependency), at 48 kHz in audio mode.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

import music
from neuralbum import audio, marking
from neuralbum.demo.band import make_band
from neuralbum.marking import detection as detecting
from neuralbum.marking import layout
from neuralbum.marking.payload import Payload
from report import Row, print_report, row

RATE = 44_100
SEED = 24
LONG_S, SHORT_S = 30.0, 10.0
TEST_BAND_SEEDS = (41, 42, 43)
Float = np.ndarray


# ---- what happens to music ------------------------------------------------------------


def codec(name: str, container: str, kbps: int, rate: int = RATE) -> Callable[[Float], Float]:
    def through(sound: Float) -> Float:
        sound = np.clip(audio.resample(np.ascontiguousarray(sound), RATE, rate), -1, 1)
        layout_name = "mono" if len(sound) == 1 else "stereo"
        held = io.BytesIO()
        with av.open(held, "w", format=container) as out:
            stream = out.add_stream(name, rate=rate, layout=layout_name)
            stream.codec_context.bit_rate = 1000 * kbps
            for start in range(0, sound.shape[1], 1 << 16):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(sound[:, start : start + (1 << 16)]), format="fltp", layout=layout_name
                )
                frame.sample_rate, frame.pts = rate, start
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        held.seek(0)
        with av.open(held) as coded:
            back = av.AudioResampler(format="fltp", layout=layout_name, rate=RATE)
            frames = [f.to_ndarray() for frame in coded.decode(audio=0) for f in back.resample(frame)]
        return np.concatenate(frames, axis=1)

    return through


def noise(db: float) -> Callable[[Float], Float]:
    """White noise this far under the level of each tenth of a second."""

    def add(sound: Float) -> Float:
        hop = RATE // 10
        level = np.sqrt(np.convolve((sound**2).mean(axis=0), np.ones(hop) / hop, "same"))
        drawn = np.random.default_rng(SEED).normal(size=sound.shape)
        return (sound + 10 ** (-db / 20) * level * drawn).astype(np.float32)

    return add


def tilt(sound: Float) -> Float:
    """−3 dB at 100 Hz to +3 dB at 10 kHz, straight over log frequency."""
    n = sound.shape[1]
    spectrum = np.fft.rfft(sound, axis=1)
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    gain_db = np.clip(3 * np.log10(hz / 1000), -3, 3)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), n=n, axis=1).astype(np.float32)


def limiter(sound: Float) -> Float:
    """8 dB too much into a limiter at −0.5 dBFS: 1.5 ms ahead, 80 ms release, 0.5 ms steps."""
    every = 22
    louder = np.pad(sound * 10 ** (8 / 20), ((0, 0), (0, -sound.shape[1] % every)))
    peak = np.abs(louder).max(axis=0).reshape(-1, every).max(axis=1)
    ahead = np.max([np.roll(peak, -k) for k in range(-1, 4)], axis=0)
    need = np.minimum(1.0, 10 ** (-0.5 / 20) / np.maximum(ahead, 1e-9))
    gain, now, release = np.empty_like(need), 1.0, 1 - math.exp(-every / (0.08 * RATE))
    for k, wanted in enumerate(need.tolist()):
        now = min(wanted, now + (1 - now) * release)
        gain[k] = now
    curve = np.interp(np.arange(louder.shape[1]), np.arange(len(gain)) * every + every / 2, gain)
    return (louder * curve)[:, : sound.shape[1]].astype(np.float32)


def speed(factor: float) -> Callable[[Float], Float]:
    def change(sound: Float) -> Float:
        return audio.resample(np.ascontiguousarray(sound), round(RATE * factor), RATE)

    return change


ATTACKS: dict[str, Callable[[Float], Float]] = {
    "none": lambda sound: sound,
    "MP3 128": codec("libmp3lame", "mp3", 128),
    "MP3 64": codec("libmp3lame", "mp3", 64),
    "AAC 128": codec("aac", "adts", 128),
    "Opus 96": codec("libopus", "ogg", 96, 48_000),
    "Opus 48": codec("libopus", "ogg", 48, 48_000),
    "8 bit": lambda sound: np.round(sound * 127) / np.float32(127),
    "16 kHz": lambda sound: audio.resample(audio.resample(np.ascontiguousarray(sound), RATE, 16_000), 16_000, RATE),
    "tilt ±3 dB": tilt,
    "limiter, 8 dB in": limiter,
    "mono": lambda sound: sound.mean(axis=0, keepdims=True),
    "speed +1 %": speed(1.01),
    "speed −1 %": speed(0.99),
    "speed +0.56 %, between those tried": speed(1.0056),
    "noise at −20 dB": noise(20),
}


# ---- what is marked ---------------------------------------------------------------------


def songs(*, tuning: bool, quick: bool) -> Iterator[tuple[str, Float]]:
    """(name, float32 (2, n) at 44.1 kHz)."""
    for path in music.tracks("blkrbt" if tuning else "elysis")[: 2 if quick else None]:
        sound, rate = audio.read(path)
        yield path.stem, audio.resample(sound, rate, RATE)[:, : 90 * RATE if quick else None]
    for seed in (0,) if tuning else TEST_BAND_SEEDS[: 1 if quick else None]:
        for song in make_band(seed=seed, n_songs=2 if quick else 4, duration_s=60.0):
            yield f"band {seed}: {song.title}", song.audio.astype(np.float32)


def cuts(n_samples: int, rng: np.random.Generator) -> list[int]:
    """Where stretches of LONG_S begin: one after the other from a random place on."""
    length = round(LONG_S * RATE)
    first = int(rng.integers(0, min(length, max(1, n_samples - length))))
    return list(range(first, n_samples - length - RATE, length))


def restlessness(sound: Float) -> float:
    """Median change of level from step to step over all bands, dB: large where music is sparse."""
    cumulated = detecting.powers([(sound, RATE)])
    edges = np.arange(16, cumulated.shape[1] - 1, 4)
    steps = np.add.reduceat(np.diff(cumulated[:, edges], axis=1), np.arange(0, len(cumulated), 4), axis=0)[:-1]
    return float(np.median(np.abs(np.diff(10 * np.log10(steps + 1e-9), axis=0))))


def robustness(marked: list[tuple[str, Float, Payload]], *, quick: bool, every: int) -> list[Row]:
    rng = np.random.default_rng([SEED, 1])
    length, short = round(LONG_S * RATE), round(SHORT_S * RATE)
    stretches = [(s[:, at : at + length], payload, name) for name, s, payload in marked for at in cuts(s.shape[1], rng)]
    order = np.argsort([-restlessness(sound) for sound, _, _ in stretches])
    sparse = set(order[: max(1, len(order) // 4)].tolist())
    minutes = sum(s.shape[1] for _, s, _ in marked) / RATE / 60
    rows = [Row("music marked", round(minutes, 1), "min", ">= 60", None if quick else minutes >= 60)]
    rows.append(Row(f"stretches of {LONG_S:g} s and of {SHORT_S:g} s", len(stretches)))
    for number, (attack, change) in enumerate(ATTACKS.items()):
        long_hits, short_hits, exact, sizes, missed = [], [], [], [], []
        heard = range(number % every, len(stretches), every) if number else range(len(stretches))
        for sound, payload, name in (stretches[k] for k in heard):
            spoilt = np.ascontiguousarray(change(sound), np.float32)
            answer = marking.detect([(spoilt, RATE)])
            best = answer.marks[0] if answer.marks else None
            long_hits.append(answer.found)
            exact.append(best is not None and best.payload == payload)
            sizes.append(best.z if best else 0.0)
            if not answer.found:
                missed.append(name)
            short_hits.append(marking.detect([(spoilt[:, :short], RATE)]).found)
        thin = [n for n, k in enumerate(heard) if k in sparse]
        in_sparse = [
            100 * float(np.mean([hits[n] for n in thin])) if thin else math.nan for hits in (long_hits, short_hits)
        ]
        why = f"{len(heard)} stretches; sparsest quarter {in_sparse[0]:.0f} %; median z {np.median(sizes):.1f}"
        why += f"; missed in {', '.join(sorted(set(missed)))}" if missed else ""
        rows.append(share(f"{attack}: found in 30 s", long_hits, 97, why))
        rows.append(share(f"{attack}: found in 10 s", short_hits, 92, f"sparsest quarter {in_sparse[1]:.0f} %"))
        rows.append(share(f"{attack}: 72 bits exact in 30 s", exact, 85 if attack.startswith("noise") else 95))
    return rows


def share(name: str, hits: list[bool], bar: int, why: str = "") -> Row:
    """A share in per cent; not judged where a single miss would be more than the bar leaves."""
    judged = row(name, 100 * float(np.mean(hits)), "%", f">= {bar} %", reason=why)
    needed = math.ceil(100 / (100 - bar))
    if len(hits) >= needed:
        return judged
    few = f"not judged on {len(hits)} stretches: {needed} are needed, so that one miss does not decide"
    return replace(judged, ok=None, reason="; ".join([few, *([why] if why else [])]))


def false_alarms(plain: list[tuple[str, Float]], *, quick: bool) -> list[Row]:
    """Unmarked stretches of 10 s under wrong keys: each place, and the whole search."""
    rng = np.random.default_rng([SEED, 2])
    n_keys, length = (12 if quick else 64), round(SHORT_S * RATE)
    speeds = detecting.SPEEDS[::4] if quick else detecting.SPEEDS
    keys = [b"wrong key %d" % k for k in range(n_keys)]
    single = {1e-2: 0, 1e-3: 0, 1e-4: 0}
    limits = {p: z_at(p) for p in single}
    n_single = n_windows = alarms = 0
    for _, sound in plain:
        for at in range(int(rng.integers(0, length)), sound.shape[1] - length, length):
            cumulated = detecting.powers([(sound[:, at : at + length], RATE)])
            folds = [detecting.folded(detecting.differences(cumulated, speed)) for speed in speeds]
            for key in keys:
                best = -math.inf
                for speed, fold in zip(speeds, folds, strict=True):
                    z = detecting.scores(fold, key)
                    best = max(best, float(z.max()))
                    if speed == 1.0:
                        n_single += z.size
                        for p in single:
                            single[p] += int((z > limits[p]).sum())
                n_windows += 1
                alarms += (
                    detecting.normal_tail(best) * len(speeds) * layout.N_STEPS * detecting.PER_STEP < marking.MAX_P
                )
    rows = []
    for p, seen in single.items():
        bar = "<= 1.3 x" if p >= 1e-3 else ""
        rows.append(
            row(f"seen / stated at p = {p:g}, {n_single / 1e6:.1f} million trials", seen / n_single / p, "x", bar)
        )
    rows.append(row(f"alarms at 1e-6, {n_windows} windows and wrong keys, all places and speeds", alarms, "", "<= 0"))
    return rows


def z_at(p: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(p))


# ---- what is heard ------------------------------------------------------------------------


def noise_to_mask(sound: Float, marked: Float) -> tuple[float, float]:
    """(mean, 95th percentile) of the change over the masked threshold, dB, over Bark bands and frames.

    The threshold is Johnston's (1988): spread excitation less 14.5 + Bark dB for tones and 5.5 dB for noise, by
    spectral flatness, not under a floor 90 dB below full scale.
    """
    n_fft, hop = 2048, 1024
    window = np.hanning(n_fft)
    mono = [np.lib.stride_tricks.sliding_window_view(s.mean(axis=0), n_fft)[::hop] for s in (sound, marked - sound)]
    power, change = (np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 for frames in mono)
    hz = np.fft.rfftfreq(n_fft, 1 / RATE)
    bark = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
    first = np.searchsorted(bark, np.arange(25))
    first = first[first < len(hz)]
    energy, error = np.add.reduceat(power, first, axis=1), np.add.reduceat(change, first, axis=1)
    width = np.diff(np.append(first, len(hz)))
    flat = np.exp(np.add.reduceat(np.log(power + 1e-12), first, axis=1) / width) / (energy / width + 1e-12)
    tonal = np.clip(10 * np.log10(flat + 1e-12) / -60 * 2, 0, 1)
    apart = np.arange(len(first))[:, None] - np.arange(len(first)) + 0.474
    spread = 10 ** ((15.81 + 7.5 * apart - 17.5 * np.sqrt(1 + apart**2)) / 10)
    offset = tonal * (14.5 + np.arange(len(first))) + (1 - tonal) * 5.5
    mask = (energy @ spread.T) / spread.sum(axis=1) * 10 ** (-offset / 10) + 10**-9 * (window**2).sum() * width
    heard = 10 * np.log10(error / mask + 1e-6)[energy.sum(axis=1) > 1e-6 * energy.sum(axis=1).mean()]
    heard = heard[:, 4:19]  # the mark's bands
    return float(heard.mean()), float(np.percentile(heard, 95))


def audibility(pairs: list[tuple[str, Float, Float]]) -> list[Row]:
    nmr = [noise_to_mask(plain, marked) for _, plain, marked in pairs]
    ratio = [10 * math.log10((p**2).sum() / ((m - p) ** 2).sum()) for _, p, m in pairs]
    rows = [
        Row("sound to change, mean", round(float(np.mean(ratio)), 1), "dB", reason=f"worst song {min(ratio):.1f}"),
        Row("noise to mask, mean", round(float(np.mean([a for a, _ in nmr])), 1), "dB", reason="Johnston 1988"),
        Row("noise to mask, 95th percentile", round(float(np.mean([b for _, b in nmr])), 1), "dB"),
    ]
    scores, why = visqol(pairs)
    rows.append(row("ViSQOL, mean", float(np.mean(scores)) if scores else None, "MOS", ">= 4.7", reason=why))
    rows.append(row("ViSQOL, worst", min(scores) if scores else None, "MOS", ">= 4.65", reason=why))
    return rows


def visqol(pairs: list[tuple[str, Float, Float]]) -> tuple[list[float], str]:
    try:
        from visqol import VisqolApi  # type: ignore[import-not-found]
    except ImportError:
        return [], "not installed: pip install visqol-python"
    api = VisqolApi()
    api.create(mode="audio")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        import soundfile

        for _, *two in pairs:
            names = [str(Path(folder) / name) for name in ("plain.wav", "marked.wav")]
            for name, sound in zip(names, two, strict=True):
                middle = sound.shape[1] // 2
                part = np.ascontiguousarray(sound[:, middle - 5 * RATE : middle + 5 * RATE].mean(axis=0, keepdims=True))
                soundfile.write(name, audio.resample(part, RATE, 48_000)[0], 48_000, subtype="FLOAT")
            found.append(float(api.measure(*names).moslqo))
    return found, f"{len(found)} songs, 10 s each"


def exposed_tones() -> list[Row]:
    """How far the level of a sustained sine is moved, where nothing hides it."""
    t = np.arange(20 * RATE) / RATE
    worst = 0.0
    for hz in (440.0, 987.8, 2093.0, 4186.0):
        tone = (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)[None]
        marked = marking.mark(tone, RATE, Payload(1, 1))
        hop = RATE // 50
        level = [10 * np.log10((s[0, RATE : 19 * RATE].reshape(-1, hop) ** 2).mean(axis=1)) for s in (tone, marked)]
        worst = max(worst, float(np.percentile(np.abs(level[1] - level[0]), 99)))
    return [row("level of a lone sine moved, 99th percentile", worst, "dB", "<= 0.3 dB")]


def costs(sound: Float) -> list[Row]:
    sound = sound[:, : 60 * RATE]
    seconds = sound.shape[1] / RATE
    spent = {}
    for name, work in (
        ("embed, stereo", lambda: marking.mark(sound, RATE, Payload(1, 2))),
        ("detect, all speeds", lambda: marking.detect([(sound, RATE)])),
    ):
        work()
        began = time.process_time()
        work()
        spent[name] = seconds / (time.process_time() - began)
    bars = {"embed, stereo": ">= 30 x", "detect, all speeds": ">= 50 x"}
    return [row(f"{name}, of real time on a core", value, "x", bars[name]) for name, value in spent.items()]


def fingerprints(pairs: list[tuple[str, Float, Float]]) -> list[Row]:
    """Does the fingerprint test say the same of a marked song? Marked stretches searched in the unmarked songs."""
    from neuralbum.originality import building
    from neuralbum.originality.search import Searcher

    def hear(sound: Float) -> Float:
        return audio.resample(np.ascontiguousarray(sound.mean(axis=0, keepdims=True)), RATE, 16_000)[0]

    heard = {name: (hear(plain), hear(marked)) for name, plain, marked in pairs}
    sources = [building.Source(name, name, lambda name=name: heard[name][0]) for name in heard]
    index, _ = building.build_index(sources[: len(sources) // 2], seed=SEED)  # the other half are strangers
    searcher = Searcher(index)
    same = total = 0
    for plain, marked in heard.values():
        for at in range(5 * 16_000, len(plain) - 10 * 16_000, 30 * 16_000):
            verdicts = []
            for sound in (plain, marked):
                found = searcher.search(sound[at : at + 10 * 16_000], max_p=3e-4)
                verdicts.append(found[0].reference if found else None)
            same += verdicts[0] == verdicts[1]
            total += 1
    return [row(f"fingerprint verdicts unchanged, {total} snippets", 100 * same / total, "%", ">= 100 %")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a smaller run that still measures every row it can")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tuning", action="store_true", help="the songs on which the scheme was made")
    parser.add_argument("--every", type=int, default=1, help="give each attack every n-th stretch only, in turn")
    parser.add_argument("--parts", default="robust,alarms,heard,cost,copies", help="which parts to measure")
    asked = parser.parse_args()
    parts = asked.parts.split(",")
    plain = list(songs(tuning=asked.tuning, quick=asked.quick))
    rng = np.random.default_rng([SEED, 3])
    payloads = [Payload(int(rng.integers(1 << 32)), int(rng.integers(1 << 16))) for _ in plain]
    pairs = [(n, s, marking.mark(s, RATE, payload)) for (n, s), payload in zip(plain, payloads, strict=True)]
    marked = [(n, m, payload) for (n, _, m), payload in zip(pairs, payloads, strict=True)]
    rows: list[Row] = []
    if "cost" in parts:
        rows += costs(plain[0][1])
    if "heard" in parts:
        rows += audibility(pairs) + exposed_tones()
    if "alarms" in parts:
        rows += false_alarms(plain, quick=asked.quick)
    if "robust" in parts:
        rows += robustness(marked, quick=asked.quick, every=asked.every)
    if "copies" in parts:
        rows += fingerprints(pairs)
    print_report(rows, as_json=asked.json, more={"seed": SEED, "songs": [name for name, _ in plain]})


if __name__ == "__main__":
    main()
