"""JSON as values: one way for every reader to say what is wrong with a text, without showing any of it."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(Exception):
    """Text that cannot be read as JSON: a short name, what is wrong, what to do, and the line and character where it is known."""

    def __init__(self, code: str, why: str, help: str = "", line: int = 0, character: int = 0) -> None:
        super().__init__(why)
        self.code, self.why, self.help, self.line, self.character = code, why, help, line, character


def json_of(data: bytes) -> Any:
    """The values of a JSON text in UTF-8. Raises NotJson.

    >>> json_of(b'{"a": [1, true, null]}')
    {'a': [1, True, None]}
    """
    try:
        text = data.decode("utf-8-sig")
        found = json.loads(text)
        if _HALF.search(text):  # an escape may stand for half a character, which is no text and cannot be written again
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotJson("encoding", "it holds half a character, written `\\ud800` to `\\udfff`", "export it again") from None
    except UnicodeDecodeError:
        raise NotJson("encoding", "it is not UTF-8 text", "save it as UTF-8") from None
    except RecursionError:
        raise NotJson("json", "it is nested too deeply", "export it again") from None
    except json.JSONDecodeError as error:
        raise NotJson("json", error.msg, "export it again", error.lineno, error.pos + 1) from None
    except ValueError:
        raise NotJson("json", "a number in it has too many digits", "export it again") from None
    return found
