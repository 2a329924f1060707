"""neuralbum: from one band's discography to a released album of neural music.

The rooms are described in README.md; each room's ``__init__`` tells its story.
Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
