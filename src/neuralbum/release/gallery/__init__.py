"""The gallery: the album as pages that work from a file or any web server.

No framework, no third-party request, no fetching of local files (a page opened
with file:// may not): the data stands in the page, pictures and sound are
loaded when they are looked at or listened to.

    pages       templates + data -> HTML, JSON-LD, the compact song table
    templates/  index.html (the wall), song.html (one page a song), embed.html (a song on other pages)
    static/     gallery.css, gallery.js (wall, filters, player), song.js, picture.js, embed.js, type face Anton (OFL)
"""

from .pages import render_embed, render_index, render_song, static_files

__all__ = ["render_embed", "render_index", "render_song", "static_files"]
