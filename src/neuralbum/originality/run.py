"""Compare a project's takes with the band's music: the one file of this room that touches the project.

The train (and validation) songs and the held-out songs are indexed apart, in
``artefacts/originality/<split>.<key>.nbx``. Each take is searched for in both: what it
shares with the songs the net was trained on may be copied, what it shares with the
held-out songs cannot be, and shows what chance and style alone give.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalogue import worker_name
from ..corpus.prepared import STEREO_RATE, PreparedCorpus, PreparedTrack, open_corpus, to_float
from ..errors import IndexFileError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Finding, Take, canonical, digest
from .params import Params

if TYPE_CHECKING:
    from .fingerprints import Float
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
    """Search every take that has no finding yet, then say which of all takes count as copies."""
    params = params or project.params("originality", Params)
    corpus = open_corpus(project)
    chosen = project.catalogue.takes(takes)
    items = [_item(project, corpus, take) for take in chosen]
    _rekey(project, params, corpus, chosen)
    searchers: dict[str, Searcher | None] = {}

    def measure(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        from .fingerprints import read_mono

        if not searchers:
            searchers.update(open_searchers(project, corpus, reporter=reporter))
        sound = read_mono(project.audio_of(item.payload))
        return stage.Measured(search_take(sound, searchers, params, name=item.subject))

    outcome = stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=force, retry=retry, reporter=reporter, shard=shard
    )
    if not project.catalogue.living(now=time.time(), stage=STAGE) - {worker_name()}:  # whoever ends last
        judge_album(project, params)
    return outcome


def _item(project: Project, corpus: PreparedCorpus, take: Take) -> stage.Item:
    return stage.Item(take.id, {"audio": project.audio_digest(take), "corpus": corpus.digest}, take)


def _key(params: Params, item: stage.Item) -> str:
    return digest(STAGE, VERSION, params, item.inputs, item.subject)


def _rekey(project: Project, params: Params, corpus: PreparedCorpus, takes: Iterable[Take]) -> None:
    """Enter older findings under today's key, where the file they are about was not touched since.

    The audio that a flesh had made used to be named by its size and time of change.
    """
    known = project.catalogue.known_keys(STAGE)
    for take in takes:
        path = project.audio_path(take)
        if path == project.root / take.path:
            continue
        item, about = _item(project, corpus, take), path.stat()
        old = {"audio": f"{take.sha256}:{about.st_size}:{about.st_mtime_ns}", "corpus": corpus.digest}
        before = digest(STAGE, VERSION, params, old, take.id)
        if before in known and _key(params, item) not in known:
            finding = project.catalogue.finding(before)
            assert finding is not None
            project.catalogue.record(replace(finding, key=_key(params, item), inputs=item.inputs))


def search_take(sound: Any, searchers: dict[str, Searcher | None], params: Params, *, name: str = "") -> dict[str, Any]:
    """What was found in one take; whether it counts as a copy is the album's report's to say (``judge_album``)."""
    from .copies import covered_s

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
        "matched_s": covered_s(listed),
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


def checker(project: Project, params: Params | None = None) -> Callable[[Float, int], dict[str, Any]]:
    """A function that searches sound, float32 (channels, n_samples) and its rate, as ``search_take`` does.

    Raises
    ------
    CatalogueError
        No corpus to search in.
    """
    from .fingerprints import mono_16k

    params = params or project.params("originality", Params)
    searchers = open_searchers(project, open_corpus(project))
    return lambda sound, rate: search_take(mono_16k(iter([(sound, rate)])), searchers, params)


def judge_album(project: Project, params: Params) -> dict[str, dict[str, Any]]:
    """Which takes count as copies: Benjamini–Hochberg over all takes that were searched with these settings.

    A take's q depends on all others, and so stands in a finding about the album
    (stage ``originality.album``), which other takes or settings leave as it is and
    make a new one beside. Returns take id -> {"key" of its finding, "q", "original"}.
    """
    from .null_distribution import benjamini_hochberg

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
    """The two indexes ready to search; None where the corpus holds no song of that kind."""
    from .search import Searcher

    heldout = corpus.split("heldout")
    trained = [song for song in corpus.songs if song.track.split != "heldout"]
    return {
        TRAINED: Searcher(open_index(project, corpus, TRAINED, trained, decoys=heldout, reporter=reporter)),
        HELD_OUT: Searcher(open_index(project, corpus, HELD_OUT, heldout, reporter=reporter)) if heldout else None,
    }


def index_path(project: Project, corpus: PreparedCorpus, split: str) -> Path:
    from .index import VERSION as FORMAT

    return project.artefacts_dir / STAGE / f"{split}.{digest(corpus.digest, FORMAT, VERSION)[:12]}.nbx"


def open_index(
    project: Project,
    corpus: PreparedCorpus,
    split: str,
    songs: list[PreparedTrack],
    *,
    decoys: list[PreparedTrack] | None = None,
    reporter: Reporter = SILENT,
) -> Index:
    """The cached index of one split; made when it is missing, damaged or of an older kind."""
    from . import index
    from .building import Source, build_index

    path = project.local(index_path(project, corpus, split))
    if path.exists():
        try:
            return index.read(path)
        except IndexFileError as error:
            reporter.line(str(error))

    names = song_names(corpus)

    def source(song: PreparedTrack) -> Source:
        return Source(names[song.track.id], song.track.id, lambda: prepared_mono(corpus, song))

    made, _ = build_index(
        [source(song) for song in songs],
        seed=project.settings.seed,
        decoys=[source(song) for song in decoys or []],
        reporter=reporter,
    )
    index.write(made, path)
    return index.read(path)


def song_names(corpus: PreparedCorpus) -> dict[str, str]:
    """Track id -> title, told apart by the id where two songs share one."""
    titles = Counter(song.track.title for song in corpus.songs)
    return {
        t.id: t.title if titles[t.title] == 1 else f"{t.title} ({t.id[:6]})" for t in (s.track for s in corpus.songs)
    }


def prepared_mono(corpus: PreparedCorpus, song: PreparedTrack) -> Float:
    """A prepared song as mono at 16 kHz."""
    from .fingerprints import SAMPLE_RATE, mono_16k

    if corpus.sample_rate == SAMPLE_RATE:
        return to_float(song.mono)

    def slices() -> Iterator[tuple[Float, int]]:
        step = 10 * STEREO_RATE
        for start in range(0, song.stereo.shape[1], step):
            yield to_float(song.stereo[:, start : start + step]), STEREO_RATE

    return mono_16k(slices(), name=song.track.title)


# ---- the report --------------------------------------------------------------------

MOST_SHOWN = 60


def draw_report(project: Project, params: Params | None = None) -> Path:
    """Write ``artefacts/originality/report/index.html`` from the findings there are; returns its path."""
    from .fingerprints import read_mono
    from .report import Pair, write_report

    params = params or project.params("originality", Params)
    corpus = open_corpus(project)
    names = song_names(corpus)
    songs = {names[song.track.id]: song for song in corpus.songs}
    judged = judge_album(project, params)
    keys = {row["key"] for row in judged.values()}
    findings = {f.subject: f for f in project.catalogue.findings(STAGE) if f.key in keys}
    takes = {take.id: take for take in project.catalogue.takes() if take.id in findings}
    titles = {song.take_id: f"{song.number}. {song.title}" for song in project.catalogue.songs()}
    pairs = [
        Pair(segment, titles.get(subject, subject), split)
        for subject in takes
        for split, key in ((TRAINED, "segments"), (HELD_OUT, "heldout_segments"))
        for segment in findings[subject].values[key]
    ]
    pairs.sort(key=lambda pair: (pair.split != TRAINED, -pair.segment["score"]))
    values = [findings[subject].values for subject in takes]
    n_copies = sum(not row["original"] for row in judged.values())
    return write_report(
        project.artefacts_dir / STAGE / "report",
        pairs[:MOST_SHOWN],
        heading=f"Is {project.name} original?",
        facts=_facts(corpus, params, values, n_copies, len(pairs)),
        null=values[0]["null"] if values else {},
        read_query=lru_cache(2)(lambda name: read_mono(project.audio_of(takes[name]))),
        read_reference=lru_cache(4)(lambda name: prepared_mono(corpus, songs[name])),
    )


def _facts(
    corpus: PreparedCorpus, params: Params, values: list[Mapping[str, Any]], n_copies: int, n_segments: int
) -> dict[str, str | int]:
    seconds = sum(v["duration_s"] for v in values)
    copied_s_per_hour = 3600 * sum(v["matched_s"] for v in values) / max(seconds, 1e-9)
    return {
        "takes searched": len(values),
        "called copies": f"{n_copies} at a false discovery rate of {params.false_discovery_rate:.0%}",
        "music searched in": f"{corpus.seconds('train') / 60 + corpus.seconds('valid') / 60:.1f} min; "
        f"held out {corpus.seconds('heldout') / 60:.1f} min",
        "copied from what the net was trained on": f"{copied_s_per_hour:.1f} s/h",
        "longest match": f"{max((v['longest_s'] for v in values), default=0.0):.2f} s",
        "longest match with a held-out song": f"{max((v['heldout_longest_s'] for v in values), default=0.0):.2f} s",
        "segments listed": f"{n_segments} at p <= {params.max_p:g}"
        + (f", the first {MOST_SHOWN} shown" if n_segments > MOST_SHOWN else ""),
        "index": values[0]["index_digest"] if values else "",
    }
