"""The copy test as a public benchmark: a toy detector, as a class and as a command, on a small bed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
RATE = 16_000

TOY = '''
"""Finds what is the same sample by sample: correlation of the waves, by FFT."""
import csv, sys
from pathlib import Path
import numpy as np
import soundfile

class Toy:
    def __init__(self, tracks, folder):
        self.tracks = tracks

    def best(self, sounds):
        return [max((self._score(sound, name), name) for name in self.tracks)[::-1] for sound in sounds]

    def _score(self, sound, name):
        track = self.tracks[name]
        n = 1 << (len(track) + len(sound) - 1).bit_length()
        match = np.fft.irfft(np.fft.rfft(track, n) * np.fft.rfft(sound, n).conj(), n)[: len(track) - len(sound) + 1]
        total = np.concatenate([[0.0], np.cumsum(track.astype(float) ** 2)])
        power = (total[len(sound) :] - total[: -len(sound)]) * (sound**2).sum()
        return float((match / np.sqrt(power + 1e-9)).max())

if __name__ == "__main__":
    tracks, queries, answers = map(Path, sys.argv[1:])
    read = lambda folder: {p.name: soundfile.read(p)[0] for p in sorted(folder.glob("*.wav"))}
    asked = read(queries)
    with open(answers, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["query", "track", "score"])
        for query, (track, score) in zip(asked, Toy(read(tracks), None).best(asked.values())):
            rows.writerow([query, track, score])
'''


@pytest.fixture
def detectors(monkeypatch, tmp_path):
    """The benchmark's modules, as ``python benchmarks/originality.py`` sees them, and the toy in the current folder."""
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from copies import bed, degradations, detectors

    kept = [c for c in degradations.CONDITIONS if c.name in ("clean", "mu-law 8 bit", "tape +1")]
    monkeypatch.setattr(bed, "CONDITIONS", kept)
    monkeypatch.setattr(detectors, "LENGTHS", (1, 2))
    rng = np.random.default_rng(0)
    noise = {n: (0.1 * rng.standard_normal(5 * RATE)).astype(np.float32) for n in ("one", "two", "other")}
    other = {"other": noise.pop("other")}
    made = bed.Bed(noise, other, None, 0.0, 0.0)
    return detectors, made, detectors.queries_of(made, 1, 2, 2)


@pytest.mark.parametrize("which", ["toy:Toy", f"{sys.executable} toy.py {{tracks}} {{queries}} {{answers}}"])
def test_anybodys_detector_is_scored_on_the_same_queries(detectors, tmp_path, which):
    module, bed, queries = detectors
    rows = {
        row.name.partition(": ")[2]: row.value for row in module.detector_rows(which, bed, queries, tmp_path / "own")
    }
    assert rows["clean, 1 s"] == rows["clean, 2 s"] == rows["mu-law 8 bit, 2 s"] == 100
    assert rows["tape +1, 2 s"] == 0
    assert rows["all copies"] == pytest.approx(100 * 2 / 3, abs=0.1)


def test_an_answer_that_a_negative_beats_does_not_count(detectors):
    module, _, queries = detectors
    perfect = [(query.track, 1.0 if query.track else 0.0) for query in queries]
    assert module.score("x", queries, perfect)[0].value == 100
    alarm = [(query.track or "one", 1.0) for query in queries]
    assert module.score("x", queries, alarm)[0].value == 0


def test_wrong_use_is_said(detectors, tmp_path):
    module, bed, queries = detectors
    with pytest.raises(SystemExit, match="module:Class, or a command"):
        module.maker("nothing")
    with pytest.raises(SystemExit, match="ended with 1"):
        module.detector_rows(f"{sys.executable} -c 'raise SystemExit(1)' {{answers}}", bed, queries, tmp_path / "own")
    with pytest.raises(SystemExit, match="2 answers"):
        module.score("x", queries, [("one", 1.0)] * 2)
