"""A DDEX message about the release: ERN 4.3.2 ``NewReleaseMessage``, profile Audio, without deals.

Element names, order and allowed values were read in DDEX's schema (release-notification.xsd of June 2025, allowed
value sets version 9). Whoever sends such messages needs DDEX's (free) implementation licence and a party id; the
schema itself may not be passed on and is not here. Deals are between the sender and the receiver: add a ``DealList``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from ...errors import SettingsError
from ...records import digest
from ..song_metadata import Album
from . import answers

FILE = "ern-4.3.2.xml"
NAMESPACE = "http://ddex.net/xml/ern/432"
PARTY_ID = re.compile(r"PADPIDA[a-zA-Z0-9]+")
CODECS = {"flac": "FLAC", "mp3": "MP3", "m4a": "AAC", "opus": "UserDefined"}
"""AudioCodecType, the best format first; Opus is not in the allowed values."""
ARTIST, LABEL = "PArtist", "PLabel"
GRAMMAR = {
    "NewReleaseMessage": "MessageHeader PartyList ResourceList ReleaseList (DealList )?",
    "MessageHeader": "MessageId MessageSender (MessageRecipient )+MessageCreatedDateTime (MessageControlType )?",
    "PartyList": "(Party )+",
    "Party": "PartyReference PartyName ",
    "ResourceList": "(SoundRecording )*(Video )*(Image )*(Text )*",
    "SoundRecording": "ResourceReference Type SoundRecordingEdition DisplayTitleText DisplayTitle DisplayArtistName "
    "DisplayArtist (Contributor )*Duration ContainsAI ",
    "SoundRecordingEdition": "ResourceId PLine (TechnicalDetails )?",
    "ResourceId": "(ISRC )?(ProprietaryId )*",
    "Contributor": "(SpecialContributor |ContributorPartyReference )Role AiContribution ",
    "Video": "ResourceReference Type VideoEdition DisplayTitleText DisplayTitle DisplayArtistName DisplayArtist "
    "Duration ContainsAI ",
    "Image": "ResourceReference Type ResourceId ContainsAI TechnicalDetails ",
    "Text": "ResourceReference Type DisplayTitleText DisplayTitle ContainsAI ",
    "ReleaseList": "Release (TrackRelease )*",
    "Release": "ReleaseReference ReleaseType ReleaseId DisplayTitleText DisplayTitle DisplayArtistName DisplayArtist "
    "ReleaseLabelReference PLine CLine Duration DisplayGenre ReleaseDate ResourceGroup ContainsAI ",
    "ResourceGroup": "(ResourceGroupContentItem )+",
    "TrackRelease": "ReleaseReference ReleaseId ReleaseResourceReference ReleaseLabelReference DisplayGenre ",
}
"""The part of the schema that is written here: children in their order. A full check needs DDEX's XSD."""


def check(sender: str, recipient: str) -> None:
    """Refuse what is no DDEX party id.

    Raises
    ------
    SettingsError
        Names the setting and its value.
    """
    for name, value in (("ddex_sender", sender), ("ddex_recipient", recipient)):
        if value and not PARTY_ID.fullmatch(value):
            raise SettingsError(
                f"[release] {name} = {value!r}: a DDEX party id, like PADPIDA2014120301U, without hyphens"
            )
    if recipient and not sender:
        raise SettingsError("[release] ddex_recipient is set, ddex_sender is not: a message needs both")


def message(album: Album, sender: str, recipient: str, sha256: Mapping[str, str]) -> str:
    """The message's text; to the sender itself, and a test message, where no recipient is named."""
    ET.register_namespace("ern", NAMESPACE)
    root = ET.Element(
        f"{{{NAMESPACE}}}NewReleaseMessage",
        ReleaseProfileVersionId="Audio",
        AvsVersionId="9",
        LanguageAndScriptCode="en",
    )
    header = _add(root, "MessageHeader")
    _add(header, "MessageId", digest(album.title, album.artist, sorted(sha256.items()))[:32])
    for name, party_id in (("MessageSender", sender), ("MessageRecipient", recipient or sender)):
        _add(_add(header, name), "PartyId", party_id)
    _add(header, "MessageCreatedDateTime", f"{album.date}T00:00:00Z")
    _add(header, "MessageControlType", "LiveMessage" if recipient else "TestMessage")
    parties = _add(root, "PartyList")
    for reference, name in ((ARTIST, album.artist), (LABEL, album.rights_holder)):
        party = _add(parties, "Party")
        _add(party, "PartyReference", reference)
        _add(_add(party, "PartyName"), "FullName", name)
    _resources(_add(root, "ResourceList"), album, sender, sha256)
    _releases(_add(root, "ReleaseList"), album, sender)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def faults(root: ET.Element) -> list[str]:
    """What breaks GRAMMAR, DDEX's words for AI, or a reference to something in the message."""
    found = [] if root.tag == f"{{{NAMESPACE}}}NewReleaseMessage" else [f"{root.tag} is no message of ERN 4.3.2"]
    known = {e.text for e in root.iter() if e.tag in ("ResourceReference", "ReleaseReference", "PartyReference")}
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        children = "".join(f"{child.tag} " for child in element)
        if name in GRAMMAR and not re.fullmatch(GRAMMAR[name], children):
            found.append(f"{name} holds {children.strip() or 'nothing'}")
        if name in ("ContainsAI", "AiContribution") and element.text not in (answers.ALL, answers.PARTLY, answers.NONE):
            found.append(f"{name} is {element.text!r}")
        if name in ("ReleaseResourceReference", "ArtistPartyReference", "ContributorPartyReference"):
            found += [] if element.text in known else [f"{name} {element.text!r} is nowhere"]
    return found


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = text or None
    return element


def _resources(there: ET.Element, album: Album, sender: str, sha256: Mapping[str, str]) -> None:
    for song in album.songs:
        parts = answers.contains_ai(album, song)
        recording = _add(there, "SoundRecording")
        _add(recording, "ResourceReference", f"A{song.number}")
        _add(recording, "Type", "MusicalWorkSoundRecording")
        edition = _add(recording, "SoundRecordingEdition")
        identity = _add(edition, "ResourceId")
        if song.isrc:
            _add(identity, "ISRC", song.isrc)
        _own_id(identity, sender, song.take_id)
        if song.iscc:
            _add(identity, "ProprietaryId", song.iscc, Namespace="ISO 24138")
        _line(edition, "PLine", album)
        kind = next((kind for kind in CODECS if kind in song.files), None)
        if kind is not None:
            details = _add(edition, "TechnicalDetails")
            _add(details, "TechnicalResourceDetailsReference", f"T{song.number}")
            delivered = _add(details, "DeliveryFile")
            _add(delivered, "Type", "AudioFile")
            own = {"Namespace": sender, "UserDefinedValue": "Opus"} if kind == "opus" else {}
            _add(delivered, "AudioCodecType", CODECS[kind], **own)
            _file(delivered, album, song.files[kind], sha256)
        _titles(recording, song.title)
        _artist(recording, album)
        for number, one in enumerate(answers.contributors(album, song), 1):
            contributor = _add(recording, "Contributor", SequenceNumber=str(number))
            if one["contributor"] == "GenerativeAI":
                _add(contributor, "SpecialContributor", "GenerativeAI")
            else:
                _add(contributor, "ContributorPartyReference", ARTIST)
            _add(_add(contributor, "Role"), "Value", one["role"])
            _add(contributor, "AiContribution", one["ai_contribution"])
        _add(recording, "Duration", duration(song.duration_s))
        # Of a recording with a composition by people not all content is generated, and the other way round.
        _add(recording, "ContainsAI", answers.together(parts["recording"], parts["composition"]))
    for song in album.songs:
        if "video" in song.files:
            video = _add(there, "Video")
            _add(video, "ResourceReference", f"A{song.number}V")
            _add(video, "Type", "ShortFormMusicalWorkVideo")
            edition = _add(video, "VideoEdition")
            _own_id(_add(edition, "ResourceId"), sender, f"{song.take_id} video")
            _titles(video, song.title)
            _artist(video, album)
            _add(video, "Duration", duration(song.duration_s))
            _add(video, "ContainsAI", answers.contains_ai(album, song)["video"])
    first = answers.contains_ai(album, album.songs[0])
    if album.cover_file:
        image = _add(there, "Image")
        _add(image, "ResourceReference", "AI")
        _add(image, "Type", "FrontCoverImage")
        _own_id(_add(image, "ResourceId"), sender, f"{album.songs[0].take_id} cover")
        _add(image, "ContainsAI", first["image"])
        details = _add(image, "TechnicalDetails")
        _add(details, "TechnicalResourceDetailsReference", "TI")
        _file(details, album, album.cover_file, sha256)
    if album.description:
        text = _add(there, "Text")
        _add(text, "ResourceReference", "AT")
        _add(text, "Type", "LinerNotes")
        _titles(text, album.description)
        _add(text, "ContainsAI", first["text"])


def _releases(there: ET.Element, album: Album, sender: str) -> None:
    styles = Counter(song.style for song in album.songs if song.style).most_common(1)
    genre = styles[0][0] if styles else "Other"
    release = _add(there, "Release")
    _add(release, "ReleaseReference", "R0")
    _add(release, "ReleaseType", "Single" if len(album.songs) == 1 else "Album")
    _own_id(_add(release, "ReleaseId"), sender, digest(album.artist, album.title)[:32])
    _titles(release, album.title)
    _artist(release, album)
    _add(release, "ReleaseLabelReference", LABEL)
    _line(release, "PLine", album)
    _line(release, "CLine", album)
    _add(release, "Duration", duration(album.duration_s))
    _add(_add(release, "DisplayGenre"), "GenreText", genre)
    _add(release, "ReleaseDate", album.date)
    group = _add(release, "ResourceGroup")
    others = [("AI", bool(album.cover_file)), ("AT", bool(album.description))]
    items = [f"A{song.number}" for song in album.songs]
    items += [f"A{song.number}V" for song in album.songs if "video" in song.files]
    items += [reference for reference, is_there in others if is_there]
    for place, reference in enumerate(items, 1):
        item = _add(group, "ResourceGroupContentItem")
        _add(item, "SequenceNumber", str(place))
        _add(item, "ReleaseResourceReference", reference)
    _add(release, "ContainsAI", answers.of_release(album))
    for song in album.songs:
        track = _add(there, "TrackRelease")
        _add(track, "ReleaseReference", f"R{song.number}")
        _own_id(_add(track, "ReleaseId"), sender, song.take_id)
        _add(track, "ReleaseResourceReference", f"A{song.number}")
        _add(track, "ReleaseLabelReference", LABEL)
        _add(_add(track, "DisplayGenre"), "GenreText", song.style or genre)


def _own_id(parent: ET.Element, sender: str, value: str) -> None:
    _add(parent, "ProprietaryId", value, Namespace=f"DPID:{sender}")


def _titles(parent: ET.Element, title: str) -> None:
    _add(parent, "DisplayTitleText", title)
    _add(_add(parent, "DisplayTitle"), "TitleText", title)


def _artist(parent: ET.Element, album: Album) -> None:
    _add(parent, "DisplayArtistName", album.artist)
    artist = _add(parent, "DisplayArtist", SequenceNumber="1")
    _add(artist, "ArtistPartyReference", ARTIST)
    _add(artist, "DisplayArtistRole", "MainArtist")


def _line(parent: ET.Element, name: str, album: Album) -> None:
    line = _add(parent, name)
    _add(line, "Year", album.year)
    _add(line, f"{name}Text", f"{album.year} {album.rights_holder}")


def _file(parent: ET.Element, album: Album, path: str, sha256: Mapping[str, str]) -> None:
    file = _add(parent, "File")
    _add(file, "URI", path)
    if path in sha256:
        summed = _add(file, "HashSum")
        _add(summed, "Algorithm", "SHA-256")
        _add(summed, "HashSumValue", sha256[path])
    if path in album.sizes:
        _add(file, "FileSize", str(album.sizes[path]))


def duration(seconds: float) -> str:
    """``72.4`` -> ``"PT1M12.4S"`` (ISO 8601)."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"PT{minutes:.0f}M{rest:.1f}S"
