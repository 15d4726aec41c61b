"""Connect to the database that a Standard Safeguarding Dataset was built in, without ever showing where it is.

An address is an SQLAlchemy URL. What libpq and people know is put as the driver wants it, and each error is told in words
of our own by its code: the driver's words name hosts and users.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError

DRIVERS = {"postgresql": "pg8000", "postgres": "pg8000", "mssql": "pyodbc", "mysql": "pymysql", "mariadb": "pymysql", "oracle": "oracledb"}
"""The driver that a URL without one means. `psycopg` is not installed, so plain `postgresql://` means pg8000."""
SCHEMES = "postgresql://USER@HOST/NAME, mssql+pyodbc://... or sqlite:///FILE"
DENIED = "42501"
_SAID: dict[str, tuple[str, str, str]] = {
    "28000": ("login", "the database refused the user", "check the user's name, and that it may connect from here"),
    "28P01": ("login", "the database refused the password", "give the password with ?passfile=FILE (a PostgreSQL password file)"),
    "3D000": ("no_database", "there is no database of that name on the server", "check the name after the last / of the address"),
    DENIED: ("permission", "the user may not read it", "ask for SELECT on the SSD tables"),
    "53300": ("busy", "the database has no connection free", "try again later"),
    "57P03": ("busy", "the database is starting up", "try again in a minute"),
}


def problem(name: str, code: str, message: str, help: str = "") -> InputError:
    """What is wrong with a database, by its name."""
    return InputError([Diagnostic(name, 0, 0, code, message, help=help)])


def parsed(url: str) -> tuple[Any, str]:
    """The URL with its driver named, and the schema that it asks for."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
        _ = address.port
    except (ArgumentError, ValueError):
        raise problem("database", "address", "the address of the database cannot be read", f"write it as {SCHEMES}") from None
    schema = address.query.get("schema", "")
    address = address.difference_update_query(["schema"])
    scheme, _, driver = address.drivername.partition("+")
    scheme = "postgresql" if scheme == "postgres" else scheme
    if scheme == "postgresql" and driver in ("", "psycopg2"):
        driver = DRIVERS[scheme]
    if driver or scheme in DRIVERS:
        address = address.set(drivername=f"{scheme}+{driver or DRIVERS[scheme]}")
    return address, schema if isinstance(schema, str) else schema[0]


def called(address: Any) -> str:
    """What the database is called in messages."""
    named = (address.database or "").replace("\\", "/").rpartition("/")[2]
    return f"database {named}".rstrip()


def engine_for(address: Any, name: str) -> Any:
    """An engine that keeps no connection open and hides values in its errors."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    from sqlalchemy.pool import NullPool

    dialect, _, driver = address.drivername.partition("+")
    options: dict[str, Any] = {}
    if dialect == "sqlite":
        address = _only_to_read(address, name)
    elif driver == "pg8000":
        address, options = _for_pg8000(address, name)
    try:
        return create_engine(address, poolclass=NullPool, hide_parameters=True, connect_args=options)
    except NoSuchModuleError:
        raise problem(
            name, "dialect", f"`{address.drivername}` is not a kind of database known here", f"write the address as {SCHEMES}"
        ) from None
    except ModuleNotFoundError as error:
        package = error.name or driver
        raise problem(name, "driver", f"the driver `{package}` is not installed", f"install it: pip install {package}") from None
    except ImportError:
        raise problem(
            name, "driver", f"the driver `{driver}` cannot be loaded", "pyodbc also needs Microsoft's ODBC Driver for SQL Server"
        ) from None
    except ArgumentError:
        raise problem(name, "address", "the address of the database cannot be read", f"write it as {SCHEMES}") from None


def connected(engine: Any, address: Any, name: str) -> Any:
    """A connection. Two of pg8000's own slips are put in words: an option it does not have, and no password where one is asked."""
    try:
        return engine.connect()
    except TypeError:
        raise problem(name, "option", "the driver does not know an option in the address", "leave out what stands after ?") from None
    except AttributeError:
        if engine.url.password is not None or address.get_driver_name() != "pg8000":
            raise
        help = "name a password file at the end of the address: ?passfile=FILE (lines of host:port:database:user:password)"
        raise problem(name, "login", "the database asks for a password", help) from None


def _only_to_read(address: Any, name: str) -> Any:
    """An SQLite address that opens the file read only, and never makes one."""
    file = Path(address.database or "")
    if not file.is_file():
        raise problem(name, "not_found", "there is no such database file", "write it as sqlite:///folder/name.db")
    from urllib.parse import quote

    return address.set(database=f"file:{quote(file.resolve().as_posix())}", query={"mode": "ro", "uri": "true"})


def _for_pg8000(address: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """Options that libpq knows, as pg8000 takes them: `sslmode`, `passfile`, `connect_timeout`, `application_name`."""
    import ssl

    given = {key: value if isinstance(value, str) else value[-1] for key, value in address.query.items()}
    mode, passfile = given.pop("sslmode", ""), given.pop("passfile", "")
    options: dict[str, Any] = {"application_name": given.pop("application_name", "rrt")}
    seconds = given.pop("connect_timeout", "")
    if seconds.isdigit():
        options["timeout"] = int(seconds)
    if mode in ("require", "verify-ca", "verify-full"):
        options["ssl_context"] = ssl.create_default_context()
    elif mode not in ("", "disable", "allow", "prefer"):
        raise problem(name, "option", f"`sslmode={mode}` is not known", "use disable, prefer, require or verify-full")
    if passfile and not address.password:
        address = address.set(password=_password(Path(passfile), address, name))
    return address.set(query=given), options


def _password(file: Path, address: Any, name: str) -> str:
    """The password for an address from a PostgreSQL password file: lines of host:port:database:user:password."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise problem(name, "passfile", f"the password file `{file.name}` cannot be read", "check the path after passfile=") from None
    wanted = (address.host or "localhost", str(address.port or 5432), address.database or "", address.username or "")
    for line in lines:
        if line.startswith("#"):
            continue
        parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", line)]
        if len(parts) == 5 and all(p in ("*", w) for p, w in zip(parts, wanted, strict=False)):
            return parts[4]
    raise problem(
        name,
        "passfile",
        f"no line of the password file `{file.name}` is for this database and user",
        "add one: host:port:database:user:password",
    )


def refused(name: str, error: Any) -> InputError:
    """What an error of the database means, by its code; never its own words, which name hosts and users."""
    code = state_of(error.orig)
    if code in _SAID:
        kind, message, help = _SAID[code]
        return problem(name, kind, message, help)
    text = str(error.orig).casefold()
    if "not a database" in text:
        return problem(name, "not_a_database", "the file is not an SQLite database", "check the path")
    if code.startswith("28") or "login failed" in text:
        return problem(name, "login", "the database refused the user or the password", "check both")
    if "can't create a connection" in text or code.startswith("08") or code in ("HYT00", "HYT01") or "network" in text:
        help = "check the host and port, that the database is running, and that this computer may reach it"
        return problem(name, "connection", "no connection could be made to the database", help)
    if code == "IM002" or "data source name not found" in text:
        return problem(
            name, "driver", "the ODBC driver named in the address is not installed", "install Microsoft's ODBC Driver 18 for SQL Server"
        )
    told = f" (code {code})" if code else ""
    return problem(
        name, "database", f"the database could not be read{told}", "check the address, and that the user may read the SSD tables"
    )


def state_of(orig: Any) -> str:
    """The SQLSTATE of a driver's error; empty where it gives none."""
    first = orig.args[0] if getattr(orig, "args", ()) else None
    if isinstance(first, dict):
        return str(first.get("C", ""))
    found = getattr(orig, "sqlstate", None) or (first if isinstance(first, str) and re.fullmatch(r"[0-9A-Z]{5}", first) else "")
    return str(found)
