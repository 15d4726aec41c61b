"""Where the pages are served, as the options of `rrt serve` say it: on this computer only, or to a network with what that needs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.web.server import THIS_COMPUTER, Tls, is_this_computer

_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,60}", re.IGNORECASE)
_NO_IDENTITY = frozenset({"host", "origin", "cookie", "referer", "user-agent", "connection", "content-length", "content-type", "accept"})


@dataclass(frozen=True)
class Way:
    """Where the pages are served: without `tls` on this computer only.

    `served_as` are the names that people type where they are not the address itself. `identity` is the header by which a reverse proxy
    at one of the addresses `proxies` says who asks; without it people come in by a passphrase.
    """

    host: str = THIS_COMPUTER
    tls: Tls | None = None
    served_as: tuple[str, ...] = ()
    identity: str = ""
    proxies: frozenset[str] = frozenset()


def way_given(
    host: str | None,
    certificate: Path | None = None,
    key: Path | None = None,
    served_as: Sequence[str] = (),
    identity: str | None = None,
    proxies: Sequence[str] = (),
) -> Way:
    """Where to serve, from the options. Raises InputError with everything that is missing or does not belong."""
    wrong: list[Diagnostic] = []

    def add(option: str, message: str, help: str) -> None:
        wrong.append(Diagnostic(option, 0, 0, "network", message, "error", "", help))

    def address(option: str, text: str) -> str:
        try:
            return str(ipaddress.ip_address(text.strip("[]")))
        except ValueError:
            add(option, f"`{text[:60]}` is not an address", "give it in figures, as `10.1.2.3`")
            return ""

    where = THIS_COMPUTER if host in (None, "localhost") else address("--host", str(host))
    trusted = frozenset(filter(None, (address("--proxy", proxy) for proxy in proxies)))
    if where and is_this_computer(where):
        for option, given in (("--tls-cert", certificate), ("--tls-key", key), ("--identity-header", identity), ("--proxy", proxies)):
            if given:
                add(option, "this is for pages served to a network", "add `--host` with the address to serve them on, or leave this out")
        if served_as:
            add("--served-as", "this is for pages served to a network", "add `--host` with the address to serve them on, or leave this out")
    elif where:
        if certificate is None or key is None:
            missing = "--tls-cert" if certificate is None else "--tls-key"
            add(missing, f"pages served on {where} need TLS", "give `--tls-cert` and `--tls-key`, or leave `--host` out")
        if identity and not trusted and not proxies:
            add(
                "--proxy",
                "a header that says who asks can be sent by anybody",
                "give the address of the reverse proxy to believe",
            )
        if trusted and not identity:
            add("--identity-header", "a reverse proxy was given, and not how it says who asks", "give the name of the header it sets")
        if ipaddress.ip_address(where).is_unspecified and not served_as:
            add("--served-as", f"{where} is every address of this computer", "say by which name the pages are asked for")
    if identity and (not _HEADER.fullmatch(identity) or identity.lower() in _NO_IDENTITY):
        add("--identity-header", f"`{identity[:60]}` cannot be a header that says who asks", "give a name such as `X-Forwarded-User`")
    for name in served_as:
        if not _NAME.fullmatch(name):
            add("--served-as", f"`{name[:60]}` is not a name", "give what stands in the address after `https://`, as `rrt.example.gov.uk`")
    if wrong:
        raise InputError(wrong)
    tls = Tls(certificate, key) if certificate and key else None
    return Way(where, tls, tuple(served_as), identity or "", trusted)
