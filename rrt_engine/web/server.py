"""The pages served: by uvicorn, on this computer, without a log of what is asked for."""

from __future__ import annotations

import uvicorn

from rrt_engine.web.app import application
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Place


def serve(desk: Desk, port: int, place: Place = Place()) -> None:
    """Serve the pages of a desk until Ctrl-C."""
    hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
    app = application(desk, hosts, place)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="error",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=30,
    )
