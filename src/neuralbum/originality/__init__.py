"""Does the album copy? Look for every stretch of every take in the band's music.

Three lanes search the same discography:

* *exact*: dense pairs of spectral peaks vote for an offset; blocks of whitened
  bands are compared with all music there is;
* *shifted*: the same blocks, transposed and time-stretched over a grid;
* *cover*: pitch classes, aligned through changes of key, tempo and sound.

Every candidate is verified along its diagonal, frame by frame, and what is
left is compared with what unrelated sound reaches (``null_distribution``): p, then
Benjamini–Hochberg over the album. The same searches against songs that were
held out of training show what chance and style alone give.

    originality.run(project)                                      # all takes of a project
    originality.checker(project)(sound, 44_100)                   # -> what search_take finds in it
    originality.draw_report(project)                              # -> index.html with players
    originality.measure_model(project, "tiny-1a2b3c4d")           # how much a net memorises
    originality.index_files(["~/Music/TheBand"], "band.nbx")      # files without a project
    copies.find_copies(copies.index_songs(songs, 44_100), clips, 24_000)  # arrays, within a training
    originality.search_files("band.nbx", ["song.flac"])           # -> segments, best first
"""

from __future__ import annotations

from .files import index_files, search_files
from .memorisation import measure_model
from .run import checker, draw_report, run

__all__ = ["run", "checker", "draw_report", "measure_model", "index_files", "search_files"]
