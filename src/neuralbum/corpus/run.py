"""``add``: from files to prepared audio, resumable at every step.

    scan -> measure (a finding per file) -> judge -> leave copies out -> gain -> split
         -> write arrays (a sidecar says with which gain) -> tracks -> corpus.json

The tracks enter the catalogue and corpus.json is written when all arrays are in
place; a killed run goes on where it was, as measuring and arrays are kept.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..audio import apart
from ..audio.files import Scan, find_shown, scan, show_path
from ..errors import AudioError, NeuralbumError, ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, atomic, stage
from ..records import Activity, Finding, Track, digest
from .arrays import scale
from .duplicates import find_copies
from .levels import corpus_gain
from .listen import Prepared, measure_file, prepare_file, without_path
from .params import CorpusParams
from .prepared import describe, mono_path, stereo_path
from .scan import clean_text, title_of
from .split import SplitSong, assign, torn_apart

STAGE, VERSION = "corpus", 2
LONG_S = 1200.0
WANTED_MINUTES = 20.0
CANCELLED_DB = 9.0
"""Mono this much quieter than stereo means that the sides cancel each other."""


@dataclass(frozen=True)
class FileReport:
    """What became of one file."""

    path: str
    status: str  #: added, known, duplicate or failed
    title: str = ""
    track: str = ""  #: id
    split: str = ""
    duration_s: float = 0.0
    level_db: float | None = None
    peak_db: float | None = None
    note: str = ""  #: why it failed, what it is a copy of, what is odd about it


@dataclass(frozen=True)
class AddResult:
    """What ``add`` did, and what the corpus is now."""

    files: tuple[FileReport, ...]
    tracks: tuple[Track, ...]  #: the whole corpus
    gain_db: float
    sample_rate: int
    digest: str
    n_written: int  #: tracks whose arrays were written in this run
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[FileReport, ...]:
        return tuple(file for file in self.files if file.status == "failed")

    @property
    def ok(self) -> bool:
        return not self.failed

    def splits(self) -> dict[str, dict[str, Any]]:
        """Songs, seconds and level (RMS over all its music, before gain) of each side."""
        table: dict[str, dict[str, Any]] = {}
        for side in ("train", "valid", "heldout"):
            mine = [track for track in self.tracks if track.split == side]
            seconds = sum(track.duration_s for track in mine)
            power = sum(track.duration_s * 10 ** (track.level_db / 10) for track in mine)
            level = 10 * math.log10(power / seconds) if seconds and power else None
            table[side] = {"songs": len(mine), "seconds": seconds, "level_db": level}
        return table


@dataclass(frozen=True)
class _Measuring:
    """Measuring has no settings: what is made of the numbers is judged afterwards."""


@dataclass
class _Candidate:
    path: Path
    track: Track
    signature: str
    note: str = ""


@dataclass
class _Pile:
    """What add has found so far."""

    reports: list[FileReport] = field(default_factory=list)
    new: list[_Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fail(self, path: Path | str, why: str) -> None:
        self.reports.append(FileReport(show_path(path), "failed", note=why))


def add(
    project: Project,
    paths: Iterable[Path | str] = (),
    params: CorpusParams | None = None,
    *,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> AddResult:
    """Bring recordings into a project; adding the same again changes nothing.

    Parameters
    ----------
    paths : files, or folders that are searched for sound files; none: what was added before.
    force : measure and write again what is there already.

    Raises
    ------
    ParameterError
        The shares of the split leave nothing to train on.
    AudioError
        Nothing usable was found, or less than ``min_minutes`` altogether.
    """
    params = params or project.params("corpus", CorpusParams)
    if params.valid_share + params.heldout_share >= 1.0:
        raise ParameterError("[corpus] valid_share + heldout_share must be below 1, so that there is music to train on")
    pile = _Pile()
    before = {track.id: track for track in project.catalogue.tracks()}
    named = list(paths) or [path for track in before.values() if (path := _source(track)) is not None]
    if not named and not before:
        raise ParameterError("nothing to add: name sound files or folders that hold them")
    found = scan(named, leave_out=project.root)
    for path, why in found.missing:
        pile.fail(path, why)
    if found.passed_over:
        pile.notes.append(f"{found.passed_over} files that are not sound by their names were passed over")

    hashed = _hash(found, pile)
    measured = _measure(project, hashed, force, reporter)
    _judge(hashed, measured, before, params, pile)
    copies = _leave_copies_out(project, before, params, pile)

    tracks = [*before.values(), *(candidate.track for candidate in pile.new)]
    _enough(tracks, named, params)
    gain = corpus_gain((track.peak_db for track in tracks), params.peak_db)
    tracks = _with_sides(tracks, before, copies, params, pile)
    sources = {track_id: path for path, (track_id, _) in hashed.items()}
    with stage.alone(project, STAGE, STAGE, "bringing music in"):
        stage.sweep_parts(project, project.corpus_dir)
        n_written, lost = _write(project, tracks, before, sources, params, gain, force, pile, reporter)
        tracks = [track for track in tracks if track.id not in lost]
        _enough(tracks, named, params)

        project.catalogue.remove_tracks(track_id for track_id in lost if track_id in before)
        project.catalogue.add_tracks(track for track in tracks if before.get(track.id) != track)
        name = describe(project, sample_rate=params.sample_rate, gain=gain, tracks=tracks)
    _report_new(pile, tracks, lost)
    order = {show_path(path): i for i, path in enumerate([*found.files, *(p for p, _ in found.missing)])}
    return AddResult(
        files=tuple(sorted(pile.reports, key=lambda report: order.get(report.path, len(order)))),
        tracks=tuple(tracks),
        gain_db=20 * math.log10(gain),
        sample_rate=params.sample_rate,
        digest=name,
        n_written=n_written,
        notes=(*pile.notes, *_remarks(tracks)),
    )


def _source(track: Track) -> Path | None:
    """The file a track was made from; None if it is not there any more."""
    found = find_shown(track.path)
    if len(found) > 1:  # names that look the same
        found = [path for path in found if stage.file_digest(path) == track.sha256] or found
    return found[0] if found else None


# ---- what is there -------------------------------------------------------------


def _hash(found: Scan, pile: _Pile) -> dict[Path, tuple[str, str]]:
    """path -> (track id, sha256) of every file that can be opened and holds bytes."""
    hashed: dict[Path, tuple[str, str]] = {}
    for path in found.files:
        try:
            if path.stat().st_size == 0:
                pile.fail(path, "is empty: 0 bytes")
                continue
            sha256 = stage.file_digest(path)
        except OSError as cause:
            pile.fail(path, f"cannot be read ({cause.strerror or cause})")
            continue
        hashed[path] = (digest("track", sha256), sha256)
    return hashed


def _measure(
    project: Project, hashed: dict[Path, tuple[str, str]], force: bool, reporter: Reporter
) -> dict[str, Finding]:
    """A finding per distinct file: track id -> finding."""
    items: dict[str, stage.Item] = {}
    for path, (track_id, sha256) in hashed.items():
        items.setdefault(track_id, stage.Item(track_id, {"sha256": sha256}, path))

    started, cpu_s = time.time(), apart.cpu_s()

    def measure(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        try:
            return stage.Measured(measure_file(item.payload))
        except AudioError as cause:
            raise AudioError(without_path(cause, item.payload)) from cause

    stage.run_items(
        project, STAGE, VERSION, _Measuring(), list(items.values()), measure,
        force=force, retry=True, reporter=reporter, label="measure",
    )  # fmt: skip
    if spent := apart.cpu_s() - cpu_s:  # the ledger of this process does not see the children's
        child = Activity(STAGE, started, wall_s=0.0, cpu_s=spent, detail={"process": "decoding"})
        project.catalogue.add_activity(child)
    return {finding.subject: finding for finding in project.catalogue.findings(STAGE) if finding.subject in items}


# ---- what of it can be used ----------------------------------------------------


def _judge(
    hashed: dict[Path, tuple[str, str]],
    measured: dict[str, Finding],
    before: dict[str, Track],
    params: CorpusParams,
    pile: _Pile,
) -> None:
    first: dict[str, Path] = {}
    for path, (track_id, sha256) in hashed.items():
        finding = measured.get(track_id)
        if finding is None:
            pile.fail(path, "is in the hands of another `neuralbum add`; run it again afterwards")
            continue
        why = finding.error or _refusal(finding.values, params)
        if why:
            pile.fail(path, why)
            continue
        if track_id in first:
            note = f"the same bytes as {show_path(first[track_id])}"
            pile.reports.append(FileReport(show_path(path), "duplicate", track=track_id, note=note))
            continue
        first[track_id] = path
        if track_id in before:
            track = before[track_id]
            pile.reports.append(_file_report(path, "known", track, _oddity(finding.values)))
            continue
        track = _track(path, track_id, sha256, finding.values)
        pile.new.append(_Candidate(path, track, str(finding.values["signature"]), _oddity(finding.values)))


def _refusal(values: Any, params: CorpusParams) -> str:
    """Why a measured file cannot be used; "" if it can."""
    if not values["n_samples"]:
        return str(values["error"])
    seconds = values["n_samples"] / values["sample_rate"]
    if values["error"] and params.truncated == "refuse":
        return f"{values['error']}; to use what is there: --set corpus.truncated=use"
    if seconds < params.min_song_s:
        return f"only {seconds:.2f} s long; songs have {params.min_song_s:g} s and more ([corpus] min_song_s)"
    if values["peak_db"] < params.silent_db:
        return f"silent: its peak is {values['peak_db']:.0f} dB"
    return ""


def _oddity(values: Any) -> str:
    """What a person should know of a file that can be used."""
    seconds = values["n_samples"] / values["sample_rate"]
    odd = list(values.get("remarks", ()))
    if values["error"]:
        odd.append(f"{values['error']}; what is there was used")
    if seconds > LONG_S:
        odd.append(f"{seconds / 60:.0f} min in one file: counts as one song; cut it if it is several")
    if values["stereo_db"] - values["level_db"] > CANCELLED_DB:
        odd.append(f"left and right cancel: mono is {values['stereo_db'] - values['level_db']:.0f} dB quieter")
    if values.get("turned"):
        odd.append("one side is the other upside down: it was turned over for mono")
    if values["bad_samples"]:
        odd.append(f"{values['bad_samples']} NaN or infinite samples became 0")
    return "; ".join(odd)


def _track(path: Path, track_id: str, sha256: str, values: Any) -> Track:
    return Track(
        id=track_id,
        path=show_path(path.absolute()),
        title=title_of(path, values["title"]),
        artist=clean_text(values["artist"]),
        sha256=sha256,
        duration_s=values["n_samples"] / values["sample_rate"],
        sample_rate=values["sample_rate"],
        channels=values["channels"],
        split="",
        level_db=values["level_db"],
        peak_db=values["peak_db"],
    )


def _leave_copies_out(project: Project, before: dict[str, Track], params: CorpusParams, pile: _Pile) -> dict[str, str]:
    """Drop other copies of a recording (the first stays); id -> id of what it repeats, where copies are kept."""
    known = {f.subject: f for f in project.catalogue.findings(STAGE) if f.subject in before and f.error is None}
    old = [(before[i], str(known[i].values["signature"])) for i in before if i in known]
    listed = [*old, *((candidate.track, candidate.signature) for candidate in pile.new)]
    copies = {
        listed[c.copy][0].id: listed[c.original][0]
        for c in find_copies([signature for _, signature in listed])
        if listed[c.copy][0].id not in before
    }
    if not params.near_duplicates:
        return {copy: original.id for copy, original in copies.items()}
    kept = []
    for candidate in pile.new:
        original = copies.get(candidate.track.id)
        if original is None:
            kept.append(candidate)
            continue
        note = f"the same recording as {original.title!r} ({original.path}), which stays"
        pile.reports.append(replace(_file_report(candidate.path, "duplicate", candidate.track, note), split=""))
    pile.new = kept
    return {}


def _enough(tracks: Sequence[Track], named: Sequence[Path | str], params: CorpusParams) -> None:
    minutes = sum(track.duration_s for track in tracks) / 60
    where = ", ".join(map(show_path, named[:3])) + (" …" if len(named) > 3 else "")
    if not tracks:
        raise AudioError(f"{where}: no usable recording; name files or folders that hold the band's music")
    if minutes < params.min_minutes:
        raise AudioError(
            f"{where}: {minutes:.2f} minutes of music in {len(tracks)} songs; at least {params.min_minutes:g} are "
            f"needed ([corpus] min_minutes), and {WANTED_MINUTES:g} or more are wanted. Add more recordings"
        )


def _with_sides(
    tracks: Sequence[Track], before: dict[str, Track], copies: dict[str, str], params: CorpusParams, pile: _Pile
) -> list[Track]:
    songs = [SplitSong(t.id, t.title, t.duration_s, t.split or None, copies.get(t.id)) for t in tracks]
    train = 1.0 - params.valid_share - params.heldout_share
    sides = assign(songs, {"train": train, "valid": params.valid_share, "heldout": params.heldout_share})
    for group in torn_apart(songs, sides):
        names = ", ".join(f"{song.title!r} ({sides[song.id]})" for song in group)
        pile.notes.append(f"versions of one song are on different sides, as they were added apart: {names}")
    return [track if track.id in before else replace(track, split=sides[track.id]) for track in tracks]


# ---- arrays --------------------------------------------------------------------


def _write(
    project: Project,
    tracks: Sequence[Track],
    before: dict[str, Track],
    sources: dict[str, Path],
    params: CorpusParams,
    gain: float,
    force: bool,
    pile: _Pile,
    reporter: Reporter,
) -> tuple[int, set[str]]:
    """Write the arrays that are missing or have another gain or rate; (how many, ids that could not be)."""
    todo = [track for track in tracks if force or not _in_place(project, track, params.sample_rate, gain)]
    if any(track.id in before for track in todo):  # until all have the new gain, nobody may read them as a corpus
        (project.corpus_dir / "corpus.json").unlink(missing_ok=True)
    project.corpus_dir.mkdir(parents=True, exist_ok=True)
    lost: set[str] = set()
    reporter.begin("prepare", sum(track.duration_s for track in todo), "s")
    with stage.activity(project, STAGE) as log:
        for track in todo:
            source = sources.get(track.id) or _source(track) or Path(track.path)
            try:
                done = _prepare(project, track, source, params, gain)
            except (NeuralbumError, OSError, ValueError) as cause:
                if isinstance(cause, OSError) and cause.errno == 28:  # no space left: nothing else will fit either
                    raise AudioError(
                        f"{project.corpus_dir}: the disk is full; free some space and add again"
                    ) from cause
                lost.add(track.id)
                pile.fail(source, f"could not be prepared: {without_path(cause, source)}")
                log(failed=1)
            else:
                log(done=1)
                if done.n_clipped:
                    share = done.n_clipped / max(1, done.n_mono + 2 * done.n_stereo)
                    pile.notes.append(f"{track.title}: {done.n_clipped} samples ({share:.1e}) clipped by resampling")
            reporter.advance(track.duration_s, track.title[:40])
    reporter.end()
    return len(todo) - len(lost), lost


def _prepare(project: Project, track: Track, source: Path, params: CorpusParams, gain: float) -> Prepared:
    mono, stereo = mono_path(project.corpus_dir, track.id), stereo_path(project.corpus_dir, track.id)
    about = _sidecar(project, track.id)
    intact = source.is_file() and stage.file_digest(source) == track.sha256
    with atomic(mono) as mono_part, atomic(stereo) as stereo_part:
        if intact:
            done = prepare_file(
                source,
                mono_part,
                stereo_part,
                sample_rate=params.sample_rate,
                gain=gain,
                partial=params.truncated == "use",
            )
        elif about and about["sample_rate"] == params.sample_rate:  # only the gain changed: the arrays are enough
            factor = gain / about["gain"]
            scale(mono, mono_part, factor)
            scale(stereo, stereo_part, factor)
            done = Prepared(about["n_mono"], about["n_stereo"], 0)
        else:
            raise AudioError("it is not there any more, or was changed; add it again from where it is now")
    with atomic(_sidecar_path(project, track.id)) as part:
        text = {"gain": gain, "sample_rate": params.sample_rate, **asdict(done)}
        part.write_text(json.dumps(text), encoding="utf-8")
    return done


def _sidecar_path(project: Project, track_id: str) -> Path:
    return project.corpus_dir / f"{track_id}.json"


def _sidecar(project: Project, track_id: str) -> dict[str, Any] | None:
    """With which gain and rate a track's arrays were written; None if they were not, or not finished."""
    try:
        about = json.loads(_sidecar_path(project, track_id).read_text(encoding="utf-8"))
        sizes = [path(project.corpus_dir, track_id).stat().st_size for path in (mono_path, stereo_path)]
        whole = sizes[0] >= 2 * about["n_mono"] and sizes[1] >= 4 * about["n_stereo"]
        return about if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _in_place(project: Project, track: Track, sample_rate: int, gain: float) -> bool:
    about = _sidecar(project, track.id)
    return about is not None and about["gain"] == gain and about["sample_rate"] == sample_rate


# ---- telling -------------------------------------------------------------------


def _file_report(path: Path, status: str, track: Track, note: str = "") -> FileReport:
    return FileReport(
        path=show_path(path),
        status=status,
        title=track.title,
        track=track.id,
        split=track.split,
        duration_s=track.duration_s,
        level_db=track.level_db,
        peak_db=track.peak_db,
        note=note,
    )


def _report_new(pile: _Pile, tracks: Sequence[Track], lost: set[str]) -> None:
    final = {track.id: track for track in tracks}
    for candidate in pile.new:
        if candidate.track.id not in lost:
            pile.reports.append(_file_report(candidate.path, "added", final[candidate.track.id], candidate.note))


def _remarks(tracks: Sequence[Track]) -> list[str]:
    """What should be known before training on this."""
    remarks = []
    minutes = sum(track.duration_s for track in tracks) / 60
    if minutes < WANTED_MINUTES:
        remarks.append(
            f"{minutes:.1f} minutes are little; a net learns a band's sound from {WANTED_MINUTES:g} and more"
        )
    missing = [side for side in ("valid", "heldout") if not any(track.split == side for track in tracks)]
    if missing:
        remarks.append(f"no {' and no '.join(missing)} song: with 3 songs and more every side has one")
    if len({track.artist for track in tracks if track.artist}) > 1:
        artists = sorted({track.artist for track in tracks if track.artist})
        remarks.append(f"{len(artists)} artists ({', '.join(artists[:4])}): neuralbum is made for one band at a time")
    return remarks
