"""The visualizer: what analysis and whole chain cost, beside plain librosa, naive drawing and ffmpeg's showcqt.

All times are CPU seconds (user + system) per second of audio, one core, after a warm-up (a process draws many songs;
what starting one costs is a row of its own). On a loaded machine absolute numbers inflate; the ratios are measured
in turn within one run. showcqt draws at the same size and rate and is encoded with the same x264 preset and AAC rate;
it makes no GIF, poster or hover clip and separates nothing. Without ``ffmpeg`` its rows are null.
Full: two whole songs and a made hour; --quick: a 40 s cut and a made ten minutes.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import music
import report
from neuralbum import audio
from neuralbum.kernels.medians import running_median
from neuralbum.visualise.analyse import gather, reel_of, spans
from neuralbum.visualise.params import Params
from neuralbum.visualise.song import Outputs, draw_song, levels_of, one_core

ARTICLE_S = 26 * 3600
"""26 h of videos, as the article rendered them."""

PLAIN_S = 20.0
NAIVE_S = 4.0
MADE_RATE = 44_100


def cpu_of(work, *arguments, **named):
    """CPU seconds of a call in this process, and what it gave."""
    start = time.process_time()
    found = work(*arguments, **named)
    return time.process_time() - start, found


def cpu_of_command(words: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plain_chain(mono: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The same analysis as anyone would write it with librosa."""
    import librosa

    spectrum = librosa.stft(mono, n_fft=2048, hop_length=512)
    mask_h, mask_p = librosa.decompose.hpss(spectrum, margin=3.0, mask=True)
    y_h = librosa.istft(spectrum * mask_h, length=len(mono))
    y_p = librosa.istft(spectrum * mask_p, length=len(mono))
    c_db = librosa.amplitude_to_db(np.abs(librosa.cqt(y_h, sr=rate, hop_length=512)), top_db=None)
    mel = librosa.feature.melspectrogram(y=y_p, sr=rate, n_mels=128, fmin=20.0)
    centres = librosa.mel_frequencies(130, fmin=20.0, fmax=rate / 2)[1:-1]
    m_db = librosa.power_to_db(mel, top_db=None) + librosa.A_weighting(centres)[:, None]
    h, b = (np.clip((db - db.max() + 60) / 60, 0, 1) for db in (c_db, m_db))
    k, last = np.empty_like(b), np.zeros(len(b))
    for t in range(b.shape[1]):
        last = k[:, t] = np.maximum(b[:, t], last * 2 ** (-512 / rate / 0.25))
    return h, k


def naive_waterfall(h: np.ndarray, k: np.ndarray, rate: int, path: Path, seconds: float) -> None:
    """Every row of every picture drawn anew in float RGB and handed to x264 as RGB."""
    import av

    wheel = np.array([[1, 0, 0], [1, 0.25, 0], [1, 0.5, 0], [1, 0.75, 0], [1, 1, 0], [0.5, 1, 0], [0, 1, 0],
                      [0, 1, 1], [0, 0, 1], [0.4, 0, 1], [0.8, 0, 1], [1, 0, 0.5]])  # fmt: skip
    colour = wheel[np.arange(1280) * 84 // 1280 % 12]
    pitch, band = np.arange(1280) * 84 // 1280, np.arange(1280) * 128 // 1280
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "medium", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(int(seconds * 30)):
            rows = (number / 30 - np.arange(720)[::-1] / 60) * rate / 512
            at = np.clip(rows.astype(int), 0, h.shape[1] - 1)
            picture = h[pitch][:, at].T[..., None] * colour * 0.75 + k[band][:, at].T[..., None] * 0.6
            picture[rows < 0] = 0
            rgb = np.clip(picture * 255, 0, 255).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def showcqt(song: Path, out: Path, preset: str) -> float | None:
    if shutil.which("ffmpeg") is None:
        return None
    words = f"ffmpeg -y -v error -threads 1 -filter_complex_threads 1 -i {song} -filter_complex".split()
    words += ["[0:a]showcqt=s=1280x720:fps=30[v]"]
    words += f"-map [v] -map 0:a -pix_fmt yuv420p -c:v libx264 -preset {preset} -crf 23 -threads:v 1".split()
    return cpu_of_command([*words, "-c:a", "aac", "-b:a", "192k", str(out)])


def outputs(folder: Path) -> Outputs:
    names = ("v.mp4", "p.webp", "t.gif", "h.mp4", "l.nblv")
    return Outputs(*(folder / name for name in names))


def made_song(path: Path, seconds: float) -> None:
    """A long song of chords, hits and hiss, written block by block."""
    rng = np.random.default_rng(1)
    with audio.FlacWriter(path, sample_rate=MADE_RATE, channels=1) as flac:
        for block in range(int(seconds / 10)):
            t = np.arange(10 * MADE_RATE) / MADE_RATE
            sound = sum(0.08 * np.sin(2 * np.pi * 110 * 2 ** ((block * 5 % 12 + i) / 12) * t) for i in (0, 7, 12, 16))
            sound = sound + 0.3 * rng.standard_normal(len(t)) * np.exp(-(t % 0.4) / 0.02)
            flac.write(sound[None].astype(np.float32) + 0.002 * rng.standard_normal((1, len(t))).astype(np.float32))


MEMORY = (
    "from pathlib import Path; from neuralbum.visualise.params import Params; "
    "from neuralbum.visualise.song import Outputs, draw_song; "
    "draw_song(Path(sys.argv[1]), Params(width=int(sys.argv[3]), height=int(sys.argv[4]), preset='ultrafast', "
    "gif=False), Outputs(video=Path(sys.argv[2] + '.mp4'), arrays=Path(sys.argv[2])))"
)


def measure(quick: bool, folder: Path) -> list[report.Row]:
    songs = [p for p in music.tracks("blkrbt") if p.stem in ("stairs", "ninesix")][::-1]
    if quick:
        sound, rate = audio.read(songs[0])
        audio.write_flac(folder / "cut.flac", sound[:, 30 * rate : 70 * rate], rate)
        songs = [folder / "cut.flac"]
    made_song(folder / "warm.flac", 10)
    draw_song(folder / "warm.flac", Params(), outputs(folder))

    rows: list[report.Row] = []
    total_s = decoded = analysed = plain = plain_part = 0.0
    chain = {"superfast": 0.0, "ultrafast": 0.0}
    theirs: dict[str, float | None] = {"superfast": 0.0, "ultrafast": 0.0}
    parts = {}
    for song in songs:
        sound, rate = audio.read(song)
        mono = sound.mean(axis=0)
        total_s += len(mono) / rate
        blocks = [mono[i : i + 10 * rate] for i in range(0, len(mono), 10 * rate)]

        def analysis(blocks=blocks, rate=rate):
            return reel_of(gather(spans(blocks, rate, 3.0), rate), Params())

        analysed += cpu_of(analysis)[0]
        decoded += cpu_of(levels_of, song, Params())[0]
        cut = mono[20 * rate : int((20 + PLAIN_S) * rate)]
        cpu, (h, k) = cpu_of(plain_chain, cut, rate)
        plain += cpu
        plain_part += cpu_of(lambda cut=cut, rate=rate: reel_of(gather(spans([cut], rate, 3.0), rate), Params()))[0]
        for preset in chain:
            cpu, about = cpu_of(draw_song, song, Params(preset=preset), outputs(folder))
            chain[preset] += cpu
            parts[preset] = about
            other = showcqt(song, folder / "cqt.mp4", preset)
            theirs[preset] = None if other is None else theirs[preset] + other

    rows += [
        report.row("analysis alone", analysed / total_s, "CPU-s/s", "<= 0.015"),
        report.row("analysis with decoding", decoded / total_s, "CPU-s/s"),
        report.row("analysis: plain librosa over ours", plain / plain_part, "x", ">= 10 x"),
        report.row(
            "whole chain, superfast, sound, GIF, poster, hover", chain["superfast"] / total_s, "CPU-s/s", "<= 0.20"
        ),
        report.row(
            "whole chain, ultrafast, sound, GIF, poster, hover", chain["ultrafast"] / total_s, "CPU-s/s", "<= 0.14"
        ),
        report.row(
            "26 h of music on two cores, superfast",
            chain["superfast"] / total_s * ARTICLE_S / 3600 / 2,
            "h",
            "<= 2.6 h",
        ),
    ]
    for preset, other in theirs.items():
        name, bar = f"showcqt + x264 over ours, {preset}", ">= 1 x" if preset == "ultrafast" else ""
        why = "" if other is not None else "ffmpeg is not installed"
        rows.append(report.row(name, None if other is None else other / chain[preset], "x", bar, reason=why))
    cpu, _ = cpu_of(draw_song, songs[0], Params(layout="plaid"), outputs(folder))
    length = parts["superfast"]["duration_s"] if len(songs) == 1 else audio.probe(songs[0]).duration_s
    rows.append(report.row("whole chain, plaid, superfast", cpu / length, "CPU-s/s"))

    naive, _ = cpu_of(naive_waterfall, h, k, rate, folder / "naive.mp4", NAIVE_S)
    naive_s = naive / NAIVE_S + plain / (PLAIN_S * len(songs))
    rows.append(report.row("plain librosa + naive drawing + x264 medium", naive_s, "CPU-s/s"))
    rows.append(report.row("plain and naive over ours, superfast", naive_s / (chain["superfast"] / total_s), "x"))

    values = np.random.default_rng(0).random((1000, 1025)).astype(np.float32)
    fast = sum(cpu_of(running_median, values, axis)[0] for axis in (0, 1))
    from scipy.ndimage import median_filter

    slow = sum(cpu_of(median_filter, values, size=size, mode="reflect")[0] for size in ((31, 1), (1, 31)))
    rows.append(report.row("running medians: SciPy over ours", slow / fast, "x"))

    start = cpu_of_command(
        [
            sys.executable,
            "-m",
            "neuralbum",
            "visualise",
            "render",
            str(folder / "warm.flac"),
            "-o",
            str(folder / "w.mp4"),
        ]
    )
    warm, _ = cpu_of(draw_song, folder / "warm.flac", Params(), Outputs(video=folder / "w2.mp4"))
    rows.append(report.row("starting a process", start - warm, "CPU-s"))

    long_s = 600.0 if quick else 3600.0
    made_song(folder / "long.flac", long_s)
    made_song(folder / "short.flac", 60.0)
    size = ("320", "180")
    short = report.peak_mib(MEMORY, str(folder / "short.flac"), str(folder / "m.nblv"), *size)
    long = report.peak_mib(MEMORY, str(folder / "long.flac"), str(folder / "m.nblv"), *size)
    big = report.peak_mib(MEMORY, str(folder / "short.flac"), str(folder / "m.nblv"), "1280", "720")
    rows += [
        report.row(
            "peak memory, 1 min at 320x180", short, "MiB", "<= 400 MiB", reason="" if short else "no /proc here"
        ),
        report.row(
            f"peak memory, {long_s / 60:.0f} min at 320x180",
            long,
            "MiB",
            "<= 400 MiB",
            reason="" if long else "no /proc here",
        ),
        report.row("peak memory, 1 min at 1280x720", big, "MiB", "<= 400 MiB", reason="" if big else "no /proc here"),
    ]
    sizes, flash = parts["superfast"]["bytes"], parts["superfast"]["flash"]
    rows += [
        report.row("video, superfast", sizes["video"] * 8 / parts["superfast"]["duration_s"] / 1e6, "Mbit/s"),
        report.row("timelapse GIF", sizes["gif"] / 1e6, "MB", "<= 1.5 MB"),
        report.row("hover clip", sizes["hover"] / 1e3, "kB", "<= 200 kB"),
        report.row("poster", sizes["poster"] / 1e3, "kB"),
        report.row("live levels", sizes["arrays"] / parts["superfast"]["duration_s"] / 1e3, "kB/s", "<= 7 kB/s"),
        report.row("most flashes in a second, limited", flash["flashes"], "", "<= 3"),
        report.row("share of the time with lowered contrast", flash["limited_share"], ""),
    ]
    return rows


if __name__ == "__main__":
    flags = report.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as work, one_core():
        report.print_report(measure(flags.quick, Path(work)), as_json=flags.json)
