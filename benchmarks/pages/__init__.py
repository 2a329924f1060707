"""What the curation page's benchmark looks at, and with what.

material   a project with thousands of thumbnails and a few sounds
ours       our page, served in a process of its own
plain      a page as most tools are built, on the same files
browser    the Chromium, and the CPU that it and our server take
wall       clocks for what is on screen
keys       clocks from a key to paint, to screen and to sound
"""
