"""`rrt serve`: the pages, on this computer only unless a network is asked for with what it needs."""

from __future__ import annotations

import contextlib
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import DEFAULT_RECORD, AsOf, RecordOption, Rules, moment_given, progress, stop

if TYPE_CHECKING:
    from rrt_engine.web.app import Door
    from rrt_engine.web.network import Way

PORT = 8765
_NETWORK = "Serve to a network"


def serve_command(
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="SOURCE", help="What `rrt replay` reads, or the folder of a run. Repeat it for several."),
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option("--run", metavar="FOLDER", help="The folder of a run to read and compare. Repeat it for several.")
    ] = None,
    as_of: AsOf = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help=f"The port to serve on. If left out, {PORT} or the next that is free.")
    ] = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open the pages in the browser. If left out, where a person sees this.")
    ] = None,
    record: RecordOption = DEFAULT_RECORD,
    rules: Rules = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="WORDS", envvar="RRT_NAME", help="The name that stands on top of every page.")
    ] = None,
    colour: Annotated[
        str | None, typer.Option("--colour", metavar="#RRGGBB", envvar="RRT_COLOUR", help="The colour behind that name, which is white.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", rich_help_panel=_NETWORK, help="An address of this computer, to serve to others too."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", rich_help_panel=_NETWORK, help="The certificate, as a PEM file.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", rich_help_panel=_NETWORK, help="The key of the certificate, as a PEM file.")
    ] = None,
    served_as: Annotated[
        list[str] | None,
        typer.Option("--served-as", metavar="NAME", rich_help_panel=_NETWORK, help="A name by which people ask for the pages. Repeat it."),
    ] = None,
    identity_header: Annotated[
        str | None,
        typer.Option(
            "--identity-header",
            metavar="X-NAME",
            rich_help_panel=_NETWORK,
            help="The header by which your reverse proxy says who has signed in. Without it, people come in by a passphrase.",
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", metavar="ADDRESS", rich_help_panel=_NETWORK, help="The address of that reverse proxy. Repeat it."),
    ] = None,
    room: Annotated[
        str | None,
        typer.Option(
            "--room",
            metavar="ADDRESS[:PORT]",
            rich_help_panel=_NETWORK,
            help="An address of this computer on a training room's network, where a group joins a case by a code and answers. Nothing else"
            " is served there. --tls-cert, --tls-key and --served-as go with it too.",
        ),
    ] = None,
) -> None:
    """Serve the pages on this computer: what is due today, a case, a check, the record of decisions, training, the rules, and runs."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.paths import RULES
    from rrt_engine.web.desk import open_desk
    from rrt_engine.web.network import way_given
    from rrt_engine.web.pages import place_given
    from rrt_engine.web.room_listener import room_listener, where_given
    from rrt_engine.web.server import listening, names, serve, settings

    try:
        place = place_given(name, colour)
        where = where_given(room, tls_cert, tls_key, served_as or ()) if room is not None else None
        if where is not None and host is None:  # the pages stay on this computer: TLS and names are for the room
            way = way_given(None, identity=identity_header, proxies=proxy or ())
        else:
            way = way_given(host, tls_cert, tls_key, served_as or (), identity_header, proxy or ())
        moment = None if as_of is None else moment_given(as_of, "--as-of")
        settings(None, (), way.tls or (where.tls if where else None))  # what is wrong with the files is said before the data are read
        listener = listening(way.host, port or PORT, port is None)
        with progress() as notice:
            notice("reading")
            desk = open_desk(data or [], rules or RULES, moment, record, run or [])
            notice("making the list")
            desk.ready()
    except InputError as error:
        raise stop(error) from None

    found = listener.getsockname()[1]
    if port is None and found != PORT:
        typer.echo(f"Port {PORT} is in use by another program: the pages are on {found}.", err=True)
    key, once = (secrets.token_urlsafe(12), secrets.token_urlsafe(12)) if way.tls is None else ("", "")
    scheme = "http" if way.tls is None else "https"
    shown_host = f"[{way.host}]" if ":" in way.host else way.host
    site = f"{scheme}://{way.served_as[0] if way.served_as else f'{shown_host}:{found}'}/"
    if way.tls is None:
        typer.echo(f"The pages are at {site}{key}/ on this computer only. Ctrl-C ends them.", err=True)
    else:
        typer.echo(f"The pages are at {site} for everybody on the network who is let in. Ctrl-C ends them.", err=True)
    wanted = sys.stdout.isatty() and sys.stderr.isatty() if browser is None else browser

    def ready() -> None:
        if wanted:
            _open(f"{site}{once}")

    with contextlib.ExitStack() as held:
        held.callback(desk.close)
        if where is not None:
            try:
                joined_at = held.enter_context(room_listener(desk, where, place))
            except InputError as error:
                raise stop(error) from None
            typer.echo(f"People in a room join at {joined_at}/ once you open one on the page Train; nothing else is there.", err=True)
        serve(
            desk,
            listener,
            names(way.host, found, way.served_as, scheme),
            place,
            key=key,
            once=once,
            tls=way.tls,
            door=_door(way),
            everybody=way.proxies,
            ready=ready,
        )
    typer.echo("The pages are closed.", err=True)


def _door(way: Way) -> Door | None:
    """What stands before the pages on a network."""
    if way.tls is None:
        return None
    from rrt_engine.web.entrance import Entrance, ProxyDoor

    if way.identity:
        return lambda app, _: ProxyDoor(app, way.identity, way.proxies)
    return lambda app, maker: Entrance(
        app, maker, lambda said: typer.echo(f"Passphrase for the next person to come in, once: {said}", err=True)
    )


def _open(address: str) -> None:
    """Open the browser without waiting for it: some are programs that end only when they are closed."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
