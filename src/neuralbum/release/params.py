"""The settings of ``[release]`` in neuralbum.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError
from ..settings import setting

FORMATS = ("flac", "opus", "mp3", "m4a")
SIZES = ("full", "light", "least")
IDENTS = ("off", "tone")


@dataclass(frozen=True)
class Params:
    """``[release]``: what goes into the album folder, and how."""

    formats: tuple[str, ...] = setting(("flac", "opus", "mp3"), f"audio formats to make, of {', '.join(FORMATS)}")
    size: str = setting(
        "full",
        "full: as the other settings say; light: no FLAC, no videos, no GIFs; least: Opus only, no videos, no GIFs",
        choices=SIZES,
    )
    download_all: str = setting(
        "mp3",
        "format of the ZIP with all songs, or the first of `formats` if that one is not made; empty: no ZIP",
        choices=("", *FORMATS),
    )
    opus_kbps: int = setting(128, "bit rate of Opus in stereo; mono gets half", unit="kbit/s", minimum=12, maximum=510)
    mp3_kbps: int = setting(192, "bit rate of MP3 in stereo; mono gets half", unit="kbit/s", minimum=32, maximum=320)
    m4a_kbps: int = setting(160, "bit rate of AAC in stereo; mono gets half", unit="kbit/s", minimum=32, maximum=320)
    order: str = setting(
        "given", "given: as titled; flow: neighbours alike in energy, tempo and brightness", choices=("given", "flow")
    )
    videos: bool = setting(True, "put the songs' videos in the album")
    gifs: bool = setting(True, "put the songs' GIFs in the album")
    cover: str = setting(
        "", "the album's picture (JPEG, PNG or WebP), relative to the project; empty: the first poster"
    )
    description: str = setting("", "one paragraph about the album, shown on its first page")
    genre: str = setting("", "genre tag of songs that have no style of their own")
    url: str = setting("", "where the album will be hosted; makes links in the feed and the metadata absolute")
    date: str = setting("", "release date, YYYY-MM-DD; empty: the day the last song was sampled")
    isrc_file: str = setting("", "a CSV with columns song,isrc (song: a title or a take id), relative to the project")
    vocals: str = setting("generated", "disclosure: how the vocals were made")
    instruments: str = setting("generated", "disclosure: how the instruments were made")
    composition: str = setting("generated", "disclosure: how the composition was made")
    post_production: str = setting(
        "", "disclosure: how selection and finishing were done; empty: as the verdicts and the flesh tell"
    )
    lyrics: str = setting("none", "disclosure: how the lyrics were made")
    images: str = setting("programmed", "disclosure: how pictures were made; programmed: drawn by a fixed program")
    texts: str = setting("programmed", "disclosure: how titles and texts were made")
    ddex_sender: str = setting("", "your DDEX party id (PADPIDA…): writes ern-4.3.2.xml, a message about the release")
    ddex_recipient: str = setting("", "DDEX party id it is for; empty: a test message to yourself")
    tokens: bool = setting(False, "also write token metadata (ERC-721)")
    watermark: bool = setting(
        True, "mark the sound inaudibly as generated, of this album, so that `neuralbum verify` can tell"
    )
    ident: str = setting(
        "off", "tone: three soft notes over the first second say to ears that a machine made it", choices=IDENTS
    )
    token_url: str = setting("", "address of the album folder in them, e.g. ipfs://bafy…; empty: `url`")
    sign_certificate: str = setting("", "PEM certificate chain to sign C2PA manifests with, relative to the project")
    sign_key: str = setting("", "PEM private key of that certificate (or set NEURALBUM_SIGN_KEY to its path)")
    sign_timestamp: str = setting(
        "", "address of a time-stamp service (RFC 3161), asked once a file; empty: signatures last as the certificate"
    )
    workers: int = setting(0, "threads that encode; 0: one per core, at most 8", minimum=0, maximum=256)

    def __post_init__(self) -> None:
        for name in self.formats:
            if name not in FORMATS:
                raise SettingsError(f"[release] formats: {name!r} is not one of {', '.join(FORMATS)}")
        if not self.formats:
            raise SettingsError(f"[release] formats is empty: name at least one of {', '.join(FORMATS)}")
        for name in ("vocals", "instruments", "composition", "post_production", "lyrics", "images", "texts"):
            if getattr(self, name) not in DISCLOSURES and (name, getattr(self, name)) != ("post_production", ""):
                raise SettingsError(
                    f"[release] {name} = {getattr(self, name)!r} must be one of {', '.join(DISCLOSURES)}"
                )


DISCLOSURES = ("generated", "assisted", "human", "programmed", "none")
"""generated: made by a model; assisted: by a person with a model; human; programmed: by rules; none: there is none."""
