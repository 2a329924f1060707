"""The visualizer: what analysis and whole chain cost, beside plain librosa and ffmpeg's showcqt.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import music
import report
from neuralbum import audio
from neuralbum.kernels.medians import running_median
from neuralbum.visualise.analyse import analyse, gather, spans, video_levels
from neuralbum.visualise.params import Params
from neuralbum.visualise.song import Outputs, draw_song, levels_of, one_core

ARTICLE_S = 26 * 3600
"""26 h of videos, as the article rendered them."""

PLAIN_S = 20.0
MADE_RATE = 44_100
PRESETS = {"superfast": 0.20, "ultrafast": 0.14}
"""And the most CPU seconds per second that the whole chain may take."""


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


def plain_chain(mono: np.ndarray, rate: int) -> tuple[np.ndarray, ...]:
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
    return mask_h, mask_p, h, k


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


@dataclass
class Sums:
    """CPU seconds of each part over all songs, and what the last song's pictures came to."""

    length_s: float = 0.0
    decoded: float = 0.0
    analysed: float = 0.0
    plain_s: float = 0.0  #: length of the cuts that the plain chain was run on
    plain: float = 0.0
    ours_of_plain: float = 0.0
    chain: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PRESETS, 0.0))
    showcqt: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(PRESETS, 0.0))
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    mask_error: float = 0.0


def songs_to_draw(quick: bool, folder: Path) -> list[Path]:
    """Whole real songs, or a cut of one."""
    songs = [p for p in music.tracks("blkrbt") if p.stem in ("stairs", "ninesix")][::-1]
    if quick:
        sound, rate = audio.read(songs[0])
        audio.write_flac(folder / "cut.flac", sound[:, 30 * rate : 70 * rate], rate)
        songs = [folder / "cut.flac"]
    return songs


def draw_all(songs: list[Path], folder: Path) -> Sums:
    """Everything that is measured on real songs, song by song and side by side."""
    sums = Sums()
    for song in songs:
        sound, rate = audio.read(song)
        mono = sound.mean(axis=0)
        sums.length_s += len(mono) / rate
        blocks = [mono[i : i + 10 * rate] for i in range(0, len(mono), 10 * rate)]
        sums.analysed += cpu_of(levels_in_memory, blocks, rate)[0]
        sums.decoded += cpu_of(levels_of, song, Params())[0]
        beside_plain(sums, mono[20 * rate : int((20 + PLAIN_S) * rate)], rate)
        for preset in PRESETS:
            cpu, sums.about[preset] = cpu_of(draw_song, song, Params(preset=preset), outputs(folder))
            sums.chain[preset] += cpu
            other, so_far = showcqt(song, folder / "cqt.mp4", preset), sums.showcqt[preset]
            sums.showcqt[preset] = None if other is None or so_far is None else so_far + other
    return sums


def levels_in_memory(blocks: list[np.ndarray], rate: int) -> Any:
    return video_levels(gather(spans(blocks, rate, 3.0), rate), Params())


def beside_plain(sums: Sums, cut: np.ndarray, rate: int) -> None:
    """The plain chain on a cut of the song."""
    cpu, (mask_h, mask_p, *_) = cpu_of(plain_chain, cut, rate)
    sums.plain += cpu
    sums.plain_s += PLAIN_S
    sums.ours_of_plain += cpu_of(levels_in_memory, [cut], rate)[0]
    ours = analyse(np.ascontiguousarray(cut), rate, 3.0)
    for mine, theirs in ((ours.mask_h, mask_h), (ours.mask_p, mask_p)):
        sums.mask_error = max(sums.mask_error, float(np.abs(mine.T - theirs).max()))


def rows_of_chain(sums: Sums) -> list[report.Row]:
    per_s = {preset: cpu / sums.length_s for preset, cpu in sums.chain.items()}
    rows = [
        report.row("analysis alone", sums.analysed / sums.length_s, "CPU-s/s", "<= 0.015"),
        report.row("analysis with decoding", sums.decoded / sums.length_s, "CPU-s/s"),
        report.row("analysis: plain librosa over ours", sums.plain / sums.ours_of_plain, "x", ">= 10 x"),
        report.row("largest difference of a mask from librosa's, real music", sums.mask_error, "", "<= 0.001"),
        *(
            report.row(f"whole chain, {preset}, sound, GIF, poster, hover", per_s[preset], "CPU-s/s", f"<= {bar}")
            for preset, bar in PRESETS.items()
        ),
        report.row("26 h of music on two cores, superfast", per_s["superfast"] * ARTICLE_S / 3600 / 2, "h", "<= 2.6 h"),
    ]
    for preset, other in sums.showcqt.items():
        name, bar = f"showcqt + x264 over ours, {preset}", ">= 1 x" if preset == "ultrafast" else ""
        why = "" if other is not None else "ffmpeg is not installed"
        rows.append(report.row(name, None if other is None else other / sums.chain[preset], "x", bar, reason=why))
    return rows


def rows_of_parts(song: Path, folder: Path) -> list[report.Row]:
    """The other layout, one kernel, and what starting a process costs."""
    cpu, about = cpu_of(draw_song, song, Params(layout="plaid"), outputs(folder))
    values = np.random.default_rng(0).random((1000, 1025)).astype(np.float32)
    fast = sum(cpu_of(running_median, values, axis)[0] for axis in (0, 1))
    from scipy.ndimage import median_filter

    slow = sum(cpu_of(median_filter, values, size=size, mode="reflect")[0] for size in ((31, 1), (1, 31)))
    words = f"-m neuralbum visualise render {folder}/warm.flac -o {folder}/w.mp4"
    start = cpu_of_command([sys.executable, *words.split()])
    warm, _ = cpu_of(draw_song, folder / "warm.flac", Params(), Outputs(video=folder / "w2.mp4"))
    return [
        report.row("whole chain, plaid, superfast", cpu / about["duration_s"], "CPU-s/s"),
        report.row("running medians: SciPy over ours", slow / fast, "x"),
        report.row("starting a process", start - warm, "CPU-s"),
    ]


def rows_of_memory(quick: bool, folder: Path) -> list[report.Row]:
    long_s = 600.0 if quick else 3600.0
    made_song(folder / "long.flac", long_s)
    made_song(folder / "short.flac", 60.0)
    rows = []
    for name, length_s, size in (
        ("short", 60.0, ("320", "180")),
        ("long", long_s, ("320", "180")),
        ("short", 60.0, ("1280", "720")),
    ):
        peak = report.peak_mib(MEMORY, str(folder / f"{name}.flac"), str(folder / "m.nblv"), *size)
        what = f"peak memory, {length_s / 60:.0f} min at {'x'.join(size)}"
        rows.append(report.row(what, peak, "MiB", "<= 400 MiB", reason="" if peak else "no /proc here"))
    return rows


def rows_of_files(about: dict[str, Any]) -> list[report.Row]:
    sizes, flash, length_s = about["bytes"], about["flash"], about["duration_s"]
    return [
        report.row("video, superfast", sizes["video"] * 8 / length_s / 1e6, "Mbit/s"),
        report.row("timelapse GIF", sizes["gif"] / 1e6, "MB", "<= 1.5 MB"),
        report.row("hover clip", sizes["hover"] / 1e3, "kB", "<= 200 kB"),
        report.row("poster", sizes["poster"] / 1e3, "kB"),
        report.row("live levels", sizes["arrays"] / length_s / 1e3, "kB/s", "<= 7 kB/s"),
        report.row("most flashes in a second, limited", flash["flashes"], "", "<= 3"),
        report.row("share of the time with lowered contrast", flash["limited_share"], ""),
    ]


def measure(quick: bool, folder: Path) -> list[report.Row]:
    made_song(folder / "warm.flac", 10)
    draw_song(folder / "warm.flac", Params(), outputs(folder))
    songs = songs_to_draw(quick, folder)
    sums = draw_all(songs, folder)
    return [
        *rows_of_chain(sums),
        *rows_of_parts(songs[0], folder),
        *rows_of_files(sums.about["superfast"]),
        *rows_of_memory(quick, folder),
    ]


if __name__ == "__main__":
    flags = report.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as work, one_core():
        report.print_report(measure(flags.quick, Path(work)), as_json=flags.json)
