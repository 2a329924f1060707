"""Compare a project's takes with the band's music: the one file of this room that touches the project.

The train (and validation) songs and the held-out songs are indexed apart, in
``artefacts/originality/<arm>.<key>.nbx``. Each take is searched for in both: what it
shares with the songs the net heard may be copied, what it shares with the
held-out songs cannot be, and shows what chance and style alone give.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalogue import worker_name
from ..corpus.prepared import PreparedCorpus, PreparedTrack, open_corpus
from ..errors import IndexFileError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Finding, Take, canonical, digest
from .params import Params

if TYPE_CHECKING:
    from .index import Index
    from .search import Searcher

STAGE, VERSION = "originality", 1
ALBUM_STAGE = "originality.album"
TRAINED, HELD_OUT = "train", "heldout"


def run(
    project: Project,
    params: Params | None = None,
    *,
    takes: Iterable[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
) -> stage.Outcome:
    """Search every take that has no finding yet, then settle which of all takes count as copies."""
    params = params or project.params("originality", Params)
    corpus = open_corpus(project)
    chosen = project.catalogue.takes(takes)
    items = [_item(project, corpus, take) for take in chosen]
    _adopt(project, params, corpus, chosen)
    searchers: dict[str, Searcher | None] = {}

    def measure(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        from .listening import hear_file

        if not searchers:
            searchers.update(open_searchers(project, corpus, reporter=reporter))
        sound = hear_file(project.audio_of(item.payload))
        return stage.Measured(examine(sound, searchers, params, name=item.subject))

    outcome = stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=force, retry=retry, reporter=reporter, shard=shard
    )
    if not project.catalogue.living(now=time.time(), stage=STAGE) - {worker_name()}:  # who ends last, settles
        settle_album(project, params)
    return outcome


def _item(project: Project, corpus: PreparedCorpus, take: Take) -> stage.Item:
    return stage.Item(take.id, {"audio": project.audio_digest(take), "corpus": corpus.digest}, take)


def _key(params: Params, item: stage.Item) -> str:
    return digest(STAGE, VERSION, params, item.inputs, item.subject)


def _adopt(project: Project, params: Params, corpus: PreparedCorpus, takes: Iterable[Take]) -> None:
    """Enter older findings under today's key, where the file they heard was not touched since.

    The audio that a flesh had made used to be named by its size and time of change.
    """
    known = project.catalogue.known_keys(STAGE)
    for take in takes:
        path = project.audio_of(take)
        if path == project.root / take.path:
            continue
        item, about = _item(project, corpus, take), path.stat()
        old = {"audio": f"{take.sha256}:{about.st_size}:{about.st_mtime_ns}", "corpus": corpus.digest}
        before = digest(STAGE, VERSION, params, old, take.id)
        if before in known and _key(params, item) not in known:
            finding = project.catalogue.finding(before)
            assert finding is not None
            project.catalogue.record(replace(finding, key=_key(params, item), inputs=item.inputs))


def examine(sound: Any, searchers: dict[str, Searcher | None], params: Params, *, name: str = "") -> dict[str, Any]:
    """What was found in one take; whether it counts as a copy is the album's report's to say (``settle_album``)."""
    trained, heldout = searchers[TRAINED], searchers[HELD_OUT]
    assert trained is not None
    lanes: dict[str, Any] = {"lanes": params.lanes, "shortest_s": params.shortest_s, "most": params.most_segments}
    every = trained.search(sound, name=name, max_p=1.0, **lanes)
    listed = [segment for segment in every if segment.p <= params.max_p]
    control = heldout.search(sound, name=name, max_p=params.max_p, **lanes) if heldout else []
    p = min((segment.p for segment in every), default=1.0)
    return {
        "n_segments": len(listed),
        "longest_s": max((segment.duration_s for segment in listed), default=0.0),
        "matched_s": covered(listed),
        "segments": [asdict(segment) for segment in listed],
        "p": p,
        "heldout_n_segments": len(control),
        "heldout_longest_s": max((segment.duration_s for segment in control), default=0.0),
        "heldout_segments": [asdict(segment) for segment in control],
        "duration_s": len(sound) / 16_000,
        "index_digest": trained.index.digest,
        "heldout_index_digest": heldout.index.digest if heldout else None,
        "null": trained.index.nulls,
    }


def covered(segments: Iterable[Any]) -> float:
    """Seconds of the query that lie in at least one segment."""
    total, end = 0.0, -math.inf
    for start_s, end_s in sorted((s.q_start_s, s.q_end_s) for s in segments):
        total += max(0.0, end_s - max(start_s, end))
        end = max(end, end_s)
    return total


def settle_album(project: Project, params: Params) -> dict[str, dict[str, Any]]:
    """Which takes count as copies: Benjamini–Hochberg over all takes that were searched with these settings.

    A take's q depends on all others, and so stands in a finding about the album
    (stage ``originality.album``), which other takes or settings leave as it is and
    make a new one beside. Returns take id -> {"key" of its finding, "q", "original"}.
    """
    from .null import benjamini_hochberg

    catalogue, corpus = project.catalogue, open_corpus(project)
    wanted = {_key(params, item) for item in _items_there(project, corpus)}
    found = sorted(
        (f for f in catalogue.findings(STAGE) if f.key in wanted and f.error is None), key=lambda f: f.subject
    )
    item = stage.Item("album", {"findings": [f.key for f in found]})
    key = digest(ALBUM_STAGE, VERSION, params, item.inputs, item.subject)
    known = catalogue.finding(key)
    if known is None:
        p_values = [f.values["p"] for f in found]
        rows = {
            f.subject: {"key": f.key, "q": q, "original": q > params.false_discovery_rate}
            for f, q in zip(found, benjamini_hochberg(p_values), strict=True)
        }
        known = Finding(
            key=key,
            stage=ALBUM_STAGE,
            version=VERSION,
            subject=item.subject,
            params=dict(canonical(params)),  # type: ignore[call-overload]
            inputs={"findings": digest(item.inputs)},  # the keys themselves would be as long as the report
            values={"takes": rows, "false_discovery_rate": params.false_discovery_rate},
            created_at=time.time(),
        )
        if found:
            catalogue.record(known)
    return dict(known.values["takes"])


def _items_there(project: Project, corpus: PreparedCorpus) -> Iterator[stage.Item]:
    """The items of all takes whose audio is there."""
    for take in project.catalogue.takes():
        with suppress(OSError):
            yield _item(project, corpus, take)


# ---- indexes ---------------------------------------------------------------------


def open_searchers(
    project: Project, corpus: PreparedCorpus, *, reporter: Reporter = SILENT
) -> dict[str, Searcher | None]:
    """The two arms ready to search; None where the corpus holds no song of that kind."""
    from .search import Searcher

    heldout = corpus.split("heldout")
    trained = [song for song in corpus.songs if song.track.split != "heldout"]
    return {
        TRAINED: Searcher(open_index(project, corpus, TRAINED, trained, decoys=heldout, reporter=reporter)),
        HELD_OUT: Searcher(open_index(project, corpus, HELD_OUT, heldout, reporter=reporter)) if heldout else None,
    }


def index_path(project: Project, corpus: PreparedCorpus, arm: str) -> Path:
    from .index import VERSION as FORMAT

    return project.artefacts_dir / STAGE / f"{arm}.{digest(corpus.digest, FORMAT, VERSION)[:12]}.nbx"


def open_index(
    project: Project,
    corpus: PreparedCorpus,
    arm: str,
    songs: list[PreparedTrack],
    *,
    decoys: list[PreparedTrack] | None = None,
    reporter: Reporter = SILENT,
) -> Index:
    """The cached index of one arm; made when it is missing, damaged or of an older kind."""
    from . import index
    from .building import Source, build
    from .listening import hear_prepared

    path = index_path(project, corpus, arm)
    if path.exists():
        try:
            return index.read(path)
        except IndexFileError as error:
            reporter.line(str(error))

    names = song_names(corpus)

    def source(song: PreparedTrack) -> Source:
        return Source(names[song.track.id], song.track.id, lambda: hear_prepared(corpus, song))

    made, _ = build(
        [source(song) for song in songs],
        seed=project.settings.seed,
        decoys=[source(song) for song in decoys or []],
        reporter=reporter,
    )
    index.write(made, path)
    return index.read(path)


def song_names(corpus: PreparedCorpus) -> dict[str, str]:
    """Track id -> title, told apart by the id where two songs share one."""
    titles = [song.track.title for song in corpus.songs]
    return {
        song.track.id: song.track.title
        if titles.count(song.track.title) == 1
        else f"{song.track.title} ({song.track.id[:6]})"
        for song in corpus.songs
    }


# ---- the report --------------------------------------------------------------------

MOST_SHOWN = 60


def draw_report(project: Project, params: Params | None = None) -> Path:
    """Write ``artefacts/originality/report/index.html`` from the findings there are; returns its path."""
    from .listening import hear_file
    from .report import Pair, write_report

    params = params or project.params("originality", Params)
    corpus = open_corpus(project)
    settled = settle_album(project, params)
    keys = {row["key"] for row in settled.values()}
    findings = {f.subject: f for f in project.catalogue.findings(STAGE) if f.key in keys}
    takes = {take.id: take for take in project.catalogue.takes() if take.id in findings}
    titles = {song.take_id: f"{song.number}. {song.title}" for song in project.catalogue.songs()}
    pairs = [
        Pair(segment, titles.get(subject, subject), arm)
        for subject in takes
        for arm, key in ((TRAINED, "segments"), (HELD_OUT, "heldout_segments"))
        for segment in findings[subject].values[key]
    ]
    pairs.sort(key=lambda pair: (pair.arm != TRAINED, -pair.segment["score"]))
    values = [findings[subject].values for subject in takes]
    seconds = sum(v["duration_s"] for v in values)
    facts = {
        "takes searched": len(values),
        "called copies": f"{sum(not row['original'] for row in settled.values())} at a false discovery rate of "
        f"{params.false_discovery_rate:.0%}",
        "music searched in": f"{corpus.seconds('train') / 60 + corpus.seconds('valid') / 60:.1f} min; "
        f"held out {corpus.seconds('heldout') / 60:.1f} min",
        "matched with what the net heard": f"{3600 * sum(v['matched_s'] for v in values) / max(seconds, 1e-9):.1f} s/h",
        "longest match": f"{max((v['longest_s'] for v in values), default=0.0):.2f} s",
        "longest match with a held-out song": f"{max((v['heldout_longest_s'] for v in values), default=0.0):.2f} s",
        "segments listed": f"{len(pairs)} at p <= {params.max_p:g}"
        + (f", the first {MOST_SHOWN} shown" if len(pairs) > MOST_SHOWN else ""),
        "index": values[0]["index_digest"] if values else "",
    }
    return write_report(
        project.artefacts_dir / STAGE / "report",
        pairs[:MOST_SHOWN],
        heading=f"Is {project.name} original?",
        facts=facts,
        null=values[0]["null"] if values else {},
        hear_query=lru_cache(2)(lambda name: hear_file(project.audio_of(takes[name]))),
        hear_reference=_hear_by_name(corpus),
    )


def _hear_by_name(corpus: PreparedCorpus) -> Any:
    from .listening import hear_prepared

    names = song_names(corpus)
    songs = {names[song.track.id]: song for song in corpus.songs}
    return lru_cache(4)(lambda name: hear_prepared(corpus, songs[name]))
