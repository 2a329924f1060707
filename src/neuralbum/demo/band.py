"""The built-in band: Stairwell Weather, four people made of arithmetic.

They play punk and emo between 60 and 280 BPM so that the rest of neuralbum has
music whose tempo, metre, key and form are known to the sample, and that belongs
to nobody. The same seed gives the same samples, bit for bit, on one machine.

    songs = make_band(seed=0, n_songs=8, duration_s=30.0)
    other = cover(songs[0], semitones=3, tempo_ratio=0.9, tone="attic")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from ..audio import tags as tagging
from ..audio import write_flac
from ..errors import ParameterError
from ..project import atomic
from . import drums, strings, voice
from .score import BEATS, Clock, Part, Score, SongSpec, compose

ARTIST = "Stairwell Weather"
ALBUM = "Minor Leaks"
SAMPLE_RATE = 44_100
LEAD_IN_S = 0.05
RING_OUT_S = 2.0
"""The last chord is left to ring about that long, where the song is long enough."""
FADE_S = 0.08
PEAK = 0.89
SHORTEST_S = 1.0


@dataclass(frozen=True)
class Tone:
    """The band's equipment and room."""

    amp: strings.Amp = field(default_factory=strings.Amp)
    kit: drums.Kit = field(default_factory=drums.Kit)
    room_s: float = 0.35  #: reverberation time (to −60 dB)
    room: float = 0.16  #: how much of it is heard
    throat: float = voice.OPEN_THROAT
    squash: float = 1.9  #: how hard the mix is pressed


TONES: Mapping[str, Tone] = {
    "basement": Tone(),
    "garage": Tone(strings.Amp(40.0, 5600.0, 7.0, -1.0, 9.0), drums.Kit(58.0, 215.0, 1.15, 0.9), 0.5, 0.22, 1.15, 2.4),
    "doom": Tone(strings.Amp(60.0, 3600.0, 2.0, 0.0, 7.0), drums.Kit(44.0, 165.0, 0.8, 1.5), 1.1, 0.24, 1.0, 1.7),
    "glass": Tone(strings.Amp(12.0, 5200.0, 4.0, -2.0, 6.0), drums.Kit(55.0, 200.0, 1.0, 1.1), 0.8, 0.26, 1.12, 1.4),
    "wire": Tone(strings.Amp(18.0, 6200.0, 8.0, -6.0, 4.0), drums.Kit(60.0, 240.0, 1.3, 0.8), 0.25, 0.12, 1.2, 2.0),
    "attic": Tone(strings.Amp(5.0, 4000.0, 0.0, 2.0, 12.0), drums.Kit(66.0, 180.0, 0.7, 0.7), 0.6, 0.3, 1.05, 1.2),
}


@dataclass(frozen=True)
class DemoSong:
    """A song of the built-in band, with everything that is true of it."""

    title: str
    audio: npt.NDArray[np.float32] = field(repr=False)  #: (2, n_samples) in [−1, 1]
    sample_rate: int
    bpm: float  #: of the felt beat: a quarter note, in 6/8 a dotted quarter
    metre: str  #: "4/4", "3/4", "5/4" or "6/8"
    key: str  #: "E minor"
    beats_s: tuple[float, ...] = field(repr=False)  #: when every beat falls
    sections: tuple[tuple[float, float, str], ...]  #: (start_s, end_s, name)
    spec: SongSpec = field(repr=False)
    score: Score = field(repr=False)
    artist: str = ARTIST

    @property
    def duration_s(self) -> float:
        return self.audio.shape[1] / self.sample_rate


@dataclass(frozen=True)
class SongStyle:
    """One of the kinds of song the band writes."""

    feel: str
    bpm: tuple[float, float]
    metre: str
    modes: tuple[str, ...]
    tone: str
    form: tuple[Part, ...]


STYLES: tuple[SongStyle, ...] = (
    SongStyle(
        "d-beat", (176.0, 204.0), "4/4", ("minor", "phrygian"), "garage",
        (
            Part("intro", 2, "open", "toms"),
            Part("riff", 4, "chug", "dbeat"),
            Part("verse", 8, "chug", "dbeat", "scream"),
            Part("chorus", 8, "open", "dbeat", "shout", True),
            Part("breakdown", 4, "breakdown", "half"),
            Part("outro", 2, "open", "half"),
        ),
    ),
    SongStyle(
        "emo", (58.0, 76.0), "6/8", ("major", "minor"), "glass",
        (
            Part("intro", 2, "arpeggio", ""),
            Part("verse", 4, "arpeggio", "brush", "sung"),
            Part("chorus", 4, "open", "rock", "shout", True),
            Part("bridge", 2, "arpeggio", "ride", "", True, 2),
            Part("chorus", 3, "open", "rock", "scream", True),
            Part("outro", 1, "arpeggio", ""),
        ),
    ),
    SongStyle(
        "blast", (224.0, 280.0), "4/4", ("phrygian", "minor"), "wire",
        (
            Part("intro", 2, "tremolo", ""),
            Part("blast", 8, "tremolo", "blast", "scream"),
            Part("riff", 6, "gallop", "skank"),
            Part("blast", 8, "tremolo", "blast", "scream", False, 1),
            Part("breakdown", 6, "breakdown", "half", "scream"),
            Part("outro", 2, "open", "blast"),
        ),
    ),
    SongStyle(
        "five", (126.0, 152.0), "5/4", ("dorian", "minor"), "basement",
        (
            Part("intro", 2, "stabs", "ride"),
            Part("riff", 3, "chug", "rock"),
            Part("verse", 4, "stabs", "ride", "shout"),
            Part("chorus", 3, "octaves", "rock", "sung", True),
            Part("breakdown", 2, "breakdown", "half", "scream"),
            Part("outro", 1, "open", "half"),
        ),
    ),
    SongStyle(
        "skate", (196.0, 220.0), "4/4", ("major",), "garage",
        (
            Part("intro", 2, "octaves", "toms"),
            Part("verse", 8, "chug", "skank", "sung"),
            Part("chorus", 8, "open", "skank", "shout", True),
            Part("bridge", 4, "octaves", "rock", "", True, 3),
            Part("chorus", 8, "open", "skank", "shout", True),
            Part("outro", 2, "stabs", "rock"),
        ),
    ),
    SongStyle(
        "sludge", (60.0, 72.0), "4/4", ("phrygian", "minor"), "doom",
        (
            Part("intro", 1, "open", ""),
            Part("riff", 2, "breakdown", "half"),
            Part("verse", 3, "open", "half", "scream"),
            Part("breakdown", 2, "breakdown", "half", "scream"),
            Part("outro", 1, "open", "toms"),
        ),
    ),
    SongStyle(
        "waltz", (108.0, 148.0), "3/4", ("minor", "dorian"), "glass",
        (
            Part("intro", 3, "arpeggio", "brush"),
            Part("verse", 6, "arpeggio", "ride", "sung"),
            Part("chorus", 6, "open", "rock", "shout", True),
            Part("breakdown", 4, "breakdown", "half", "scream"),
            Part("outro", 2, "open", "toms"),
        ),
    ),
    SongStyle(
        "post-hardcore", (96.0, 124.0), "4/4", ("minor", "dorian"), "basement",
        (
            Part("intro", 1, "arpeggio", ""),
            Part("riff", 2, "gallop", "ride"),
            Part("verse", 4, "stabs", "rock", "shout"),
            Part("chorus", 4, "octaves", "ride", "sung", True),
            Part("breakdown", 3, "breakdown", "half", "scream"),
            Part("outro", 1, "open", "rock"),
        ),
    ),
)  # fmt: skip

FIRST_WORDS = (
    "Borrowed", "Unpaid", "Paper", "Second-Hand", "Sleepless", "Rusted", "Quiet", "Broken", "Winter", "Cordless",
    "Half-Price", "Overdue", "Plastic", "Flooded", "Nervous", "Expired",
)  # fmt: skip
LAST_WORDS = (
    "Ladder", "Parking Lot", "Birthday", "Telephone", "Radiator", "Staircase", "Handshake", "Umbrella", "Kitchen",
    "Postcard", "Alibi", "Elevator", "Furniture", "Landlord", "Weekend", "Thermostat",
)  # fmt: skip


def write_specs(n_songs: int, rng: np.random.Generator) -> list[SongSpec]:
    """Decide what the songs will be: kinds in turn, titles never twice."""
    if not 1 <= n_songs <= len(FIRST_WORDS) * len(LAST_WORDS):
        raise ParameterError(f"n_songs={n_songs} must be 1 to {len(FIRST_WORDS) * len(LAST_WORDS)}")
    names = rng.permutation(len(FIRST_WORDS) * len(LAST_WORDS))[:n_songs]
    specs = []
    for i, name in enumerate(names):
        style = STYLES[i % len(STYLES)]
        first, last = divmod(int(name), len(LAST_WORDS))
        specs.append(
            SongSpec(
                title=f"{FIRST_WORDS[first]} {LAST_WORDS[last]}",
                feel=style.feel,
                bpm=round(float(rng.uniform(*style.bpm)), 1),
                metre=style.metre,
                root=int(rng.choice((0, 2, 4, 5, 7, 9, 11))),
                mode=style.modes[int(rng.integers(len(style.modes)))],
                form=style.form,
                tone=style.tone,
            )
        )
    return specs


def make_band(seed: int = 0, n_songs: int = 8, duration_s: float = 30.0) -> list[DemoSong]:
    """A whole record: ``n_songs`` songs of ``duration_s`` seconds each.

    Song i depends on (seed, i) only in its notes and sound: asking for fewer
    songs or another number gives the same beginning.
    """
    return list(play_band(seed, n_songs, duration_s))


def play_band(seed: int, n_songs: int, duration_s: float) -> Iterator[DemoSong]:
    """The songs of ``make_band``, one after the other."""
    if n_songs < 1:
        raise ParameterError(f"n_songs={n_songs} must be at least 1")
    specs = write_specs(max(n_songs, len(STYLES)), np.random.default_rng([seed, 0]))[:n_songs]
    for i, spec in enumerate(specs):
        yield make_song(spec, duration_s, np.random.default_rng([seed, 1, i]))


def make_song(spec: SongSpec, duration_s: float, rng: np.random.Generator) -> DemoSong:
    """Compose and play one song of exactly ``duration_s`` seconds."""
    if not duration_s >= SHORTEST_S:
        raise ParameterError(f"duration_s={duration_s} must be at least {SHORTEST_S} s")
    bar_s = BEATS[spec.metre] * 60.0 / spec.bpm  # [beats/bar] * [60 s/min] / [beats/min] = [s/bar]
    n_bars = max(1, int((duration_s - LEAD_IN_S - min(RING_OUT_S, duration_s / 8)) / bar_s))
    return play(spec, compose(spec, n_bars, rng), rng, duration_s=duration_s)


def cover(
    song: DemoSong,
    *,
    semitones: int = 0,
    tempo_ratio: float = 1.0,
    tone: str | None = None,
    seed: int = 0,
    title: str | None = None,
) -> DemoSong:
    """The same score played again, by the same hands or others.

    Parameters
    ----------
    semitones : how much higher.
    tempo_ratio : 1.1 is a tenth faster; the cover is as much shorter.
    tone : one of TONES; None keeps the song's own. ``"attic"`` plays everything clean.
    seed : of the playing (timing, force, noise), so that no two performances are equal.
    """
    if not 0.25 <= tempo_ratio <= 4.0:
        raise ParameterError(f"tempo_ratio={tempo_ratio} must be 0.25 to 4")
    if tone is not None and tone not in TONES:
        raise ParameterError(f"tone={tone!r} must be one of {', '.join(TONES)}")
    spec = replace(
        song.spec,
        title=title or f"{song.title} (cover)",
        bpm=song.spec.bpm * tempo_ratio,
        root=(song.spec.root + semitones) % 12,
        tone=tone or song.spec.tone,
    )
    rng = np.random.default_rng([seed, 2])
    return play(spec, song.score, rng, duration_s=song.duration_s / tempo_ratio, semitones=semitones)


def play(spec: SongSpec, score: Score, rng: np.random.Generator, *, duration_s: float, semitones: int = 0) -> DemoSong:
    """Play a score: mixed, stereo, exactly ``duration_s`` long."""
    tone = TONES[spec.tone]
    n_samples = round(duration_s * SAMPLE_RATE)
    beat_s = 60.0 / spec.bpm
    score = _transposed(score, semitones)
    audio = _mix(score, tone, Clock(beat_s, LEAD_IN_S, n_samples, SAMPLE_RATE), rng)
    n_beats = min(score.n_beats, int((duration_s - LEAD_IN_S) / beat_s) + 1)
    sections = []
    for start, end, name in score.sections:
        start_s, end_s = LEAD_IN_S + start * beat_s, min(LEAD_IN_S + end * beat_s, duration_s)
        if start_s < duration_s:
            sections.append((start_s, end_s, name))
    sections[-1] = (sections[-1][0], duration_s, sections[-1][2])  # the last chord belongs to the last section
    return DemoSong(
        title=spec.title,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        bpm=spec.bpm,
        metre=spec.metre,
        key=spec.key,
        beats_s=tuple(LEAD_IN_S + i * beat_s for i in range(n_beats)),
        sections=tuple(sections),
        spec=spec,
        score=score,
    )


def _transposed(score: Score, semitones: int) -> Score:
    if semitones == 0:
        return score
    return replace(
        score,
        guitar=tuple(replace(s, pitches=tuple(p + semitones for p in s.pitches)) for s in score.guitar),
        lead=tuple(replace(n, pitch=n.pitch + semitones) for n in score.lead),
        bass=tuple(replace(n, pitch=n.pitch + semitones) for n in score.bass),
        voice=tuple(replace(s, pitch=s.pitch + semitones) for s in score.voice),
    )


def _mix(score: Score, tone: Tone, clock: Clock, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    sides = []
    for cents in (-tone.amp.detune_cents / 2, tone.amp.detune_cents / 2):  # two guitarists, left and right
        loud = strings.guitar(score.guitar, clean=False, amp=tone.amp, cents=cents, clock=clock, rng=rng)
        soft = strings.guitar(score.guitar, clean=True, amp=tone.amp, cents=cents, clock=clock, rng=rng)
        sides.append(0.40 * loud + 0.55 * soft)
    left, right = sides
    low = strings.bass(score.bass, clock=clock, rng=rng)
    tune = strings.bass(score.lead, grit=9.0, low_db=0.0, top_hz=4200.0, vibrato_cents=4.0, clock=clock, rng=rng)
    kit = drums.strokes(tone.kit, SAMPLE_RATE, rng)
    beaten = drums.play(score.drums, clock, kit, rng)
    sung = voice.sing(score.voice, throat=tone.throat, clock=clock, rng=rng)

    centre = 0.36 * low + 0.85 * sung
    mix = np.stack([left + 0.12 * right, right + 0.12 * left]) + centre
    mix += np.stack([0.10 * tune, 0.16 * tune]) + 0.66 * beaten
    mix += tone.room * _reverberated(0.8 * beaten + 0.6 * sung + 0.3 * np.stack(sides), tone.room_s, rng)
    mix += (10 ** (-66 / 20) * rng.standard_normal(mix.shape)).astype(np.float32)  # amplifiers hiss
    return _mastered(mix, tone.squash)


def _reverberated(audio: npt.NDArray[np.floating], room_s: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A small room: exponentially fading noise, another for each ear."""
    n = int(room_s * SAMPLE_RATE)
    fade = 10 ** (-3 * np.arange(n) / n)  # 60 dB over the reverberation time
    echo = (rng.standard_normal((2, n)) * fade).astype(np.float32)
    echo = signal.sosfilt(signal.butter(1, (250.0, 6000.0), "bandpass", fs=SAMPLE_RATE, output="sos"), echo)
    echo /= np.sqrt((echo**2).sum(axis=1, keepdims=True))
    wet = signal.oaconvolve(audio, echo.astype(np.float32), axes=1)[:, : audio.shape[1]]
    return wet.astype(np.float32)


def _mastered(mix: npt.NDArray[np.floating], squash: float) -> npt.NDArray[np.float32]:
    """Press the mix softly against the ceiling, as records are, and fade its very end."""
    level = np.sqrt(np.mean(mix**2)) + 1e-9
    loud = np.tanh(mix * np.float32(squash * 0.14 / level))
    n_fade = min(loud.shape[1], int(FADE_S * SAMPLE_RATE))
    loud[:, -n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return (loud * np.float32(PEAK / np.abs(loud).max())).astype(np.float32)


def write_band(folder: Path | str, seed: int = 0, n_songs: int = 8, duration_s: float = 30.0) -> list[Path]:
    """Write the band's songs as tagged FLAC files: ``01 Title.flac`` …"""
    return list(write_songs(folder, seed, n_songs, duration_s))


def write_songs(folder: Path | str, seed: int, n_songs: int, duration_s: float) -> Iterator[Path]:
    """The files of ``write_band``, each when it is whole."""
    for i, song in enumerate(play_band(seed, n_songs, duration_s), 1):
        yield write_song(song, Path(folder) / f"{i:02d} {song.title}.flac", i)


def write_song(song: DemoSong, path: Path, number: int = 1) -> Path:
    """Write one song as FLAC with its tags."""
    words = {
        "TITLE": song.title,
        "ARTIST": song.artist,
        "ALBUM": ALBUM,
        "TRACKNUMBER": str(number),
        "BPM": f"{song.bpm:.1f}",
        "INITIALKEY": song.key,
        "COMMENT": f"{song.metre}; made by neuralbum's built-in band; public domain (CC0-1.0)",
    }
    with atomic(path) as part:
        write_flac(part, song.audio, song.sample_rate)
        tagging.write(part, "flac", words)
    return path
