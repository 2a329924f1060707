"""Likeness: does the music behave as the band's does, number by number?

Every song is cut into excerpts of 10 s (beat, tone, level, width) and longer cuts (form, steadiness).
A measure of a take means nothing alone: it is held beside the band's own distribution, and beside
the *floor*, what each song of the band scores against the other songs.

    measures.py    what is measured of one sound, and in which unit
    form.py        repetition at bars, novelty, sections
    compare.py     the takes beside the band: quantiles, shares inside, floors, takes that run away
    two_sample.py  a small classifier: can excerpts of takes and band be told apart, and by what?
    text.py        the same as text;  folders.py  two folders of sound files: ``neuralbum resemblance BAND TAKES``

Saturated takes score well in tone, because clipping looks like harmonics: look at steadiness first.
"""
