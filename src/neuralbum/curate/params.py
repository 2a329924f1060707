"""Settings of the curation tool: the table ``[curate]`` of neuralbum.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting

ARTICLE_TAGS = (
    "doom riff",
    "breakdown",
    "blastbeat",
    "5/4 riff",
    "7/8 riff",
    "long scream",
    "dbeat",
    "clean guitar",
    "feedback",
    "drum fill",
    "tempo change",
    "palm mute",
    "octave chords",
    "whisper",
    "gang vocals",
    "live bootleg",
    "silence",
)
"""What the first tag box offers: distinctions heard in neural punk, to be grown by whoever listens."""


@dataclass(frozen=True)
class Params:
    """How takes are served, proxied and, without a person, kept."""

    share: float = setting(0.6, "share of the takes that --auto keeps", minimum=0, maximum=1)
    audit_share: float = setting(
        0.1, "share of a ranked queue drawn at random, so that missed keepers can be estimated", minimum=0, maximum=0.5
    )
    machine_first: bool = setting(
        False, "show the screen's flags, its score and auto's verdict before a person has judged the take"
    )
    ranked: bool = setting(True, "serve the likeliest keepers first; false: a stable seeded shuffle")
    excerpt_s: float = setting(8.0, "length of an excerpt in the ear pass", unit="s", minimum=1, maximum=120)
    points: int = setting(5, "telling moments offered per take", minimum=1, maximum=20)
    opus_kbps: int = setting(128, "bit rate of the listening copies", unit="kbit/s", minimum=32, maximum=320)
    tags: tuple[str, ...] = setting(ARTICLE_TAGS, "the tag box's starting vocabulary")
    refit_every: int = setting(20, "decisions between two refits of the ranking", minimum=5, maximum=1000)
    heard_in_full: float = setting(
        0.95, "share of a take that must have been played to count as heard in full", minimum=0.5, maximum=1
    )
