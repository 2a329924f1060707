"""``python -m neuralbum`` is the command ``neuralbum``."""

from .cli import main

main()
