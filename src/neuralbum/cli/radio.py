"""``neuralbum radio``: an endless stream of new music."""

from __future__ import annotations

from typing import Annotated

import typer

from .console import announce
from .options import JsonOption, ProjectOption, SetOption, open_project


def command(
    project: ProjectOption = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; beyond loopback links with tokens are printed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8428,
    operator: Annotated[
        list[str] | None, typer.Option(help="Who may turn the knobs; repeatable, each gets a link of their own.")
    ] = None,
    name: Annotated[list[str] | None, typer.Option(help="A host name the page is reached under; repeatable.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the takes to come; the page's knob moves it.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Play takes that were not compared with the band's music.")
    ] = False,
    mark: Annotated[bool, typer.Option("--mark/--no-mark", help="Mark the sound as generated.")] = True,
    rtmp: Annotated[
        list[str] | None, typer.Option(help="Push there, too: rtmp://HOST/APP; its key: $NEURALBUM_RTMP_KEY.")
    ] = None,
    icecast: Annotated[
        list[str] | None,
        typer.Option(help="And there: icecast://HOST:PORT/MOUNT.mp3; its password: $NEURALBUM_ICECAST_PASSWORD."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page here.")] = True,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Play for ever: takes are made, compared with the band's music, joined and streamed.

    Example: neuralbum radio --temperature 1.02
    """
    from .. import radio

    opened = open_project(project, set_)

    def ready(links: list[tuple[str, str]]) -> None:
        after = "the first takes are being made; stop with Ctrl-C"
        announce(links, as_json=json, browser=browser, role="who", after=after)

    radio.serve(
        opened,
        opened.params("radio", radio.Params, temperature=temperature),
        host=host,
        port=port,
        operators=operator or [],
        names=name or [],
        checked=not unchecked,
        marked=mark,
        push_to=[*(rtmp or []), *(icecast or [])],
        ready=ready,
    )
