"""Break the engine one small piece at a time and see whether the tests notice: `python tools/mutate.py`.

Every comparison, every step of one, every side of a search and every "and" or "or" between arrays in the files below is
changed in turn, in a copy of the tree, and the tests that prove that part are run there. A change that no
test notices is a boundary nobody checks; or it changes nothing that can be seen, and then it stands in `EQUIVALENT` with
the reason. Ends with 1 when a change goes unnoticed.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parent.parent
FILES = [
    "rrt_engine/calendar.py",
    *(f"rrt_engine/timescales/{name}.py" for name in ("arrays", "clocks", "duties", "evaluate", "parts", "quality", "regimes", "search")),
    *(f"rrt_engine/measures/{name}.py" for name in ("cells", "compute", "conditions", "hide", "run", "stays", "units", "view")),
    *(f"rrt_engine/quality/{name}.py" for name in ("check", "findings", "look_events", "look_spans", "run", "spans")),
    *(f"rrt_engine/sources/merge{name}.py" for name in ("", "_children", "_coverage", "_events", "_log", "_once", "_table", "_things")),
]
ENGINE_TESTS = ["tests/test_engine_boundaries.py", "tests/test_engine_agrees.py"]
TESTS = {
    "rrt_engine/calendar": ["tests/test_calendar.py", *ENGINE_TESTS],
    "rrt_engine/timescales/regimes": [*ENGINE_TESTS, "tests/test_visiting_regimes.py"],
    "rrt_engine/timescales/parts": [*ENGINE_TESTS, "tests/test_visiting_regimes.py"],
    "rrt_engine/timescales": ENGINE_TESTS,
    "rrt_engine/measures": ["tests/test_measures.py"],
    "rrt_engine/quality": ["tests/test_quality.py"],
    "rrt_engine/sources/merge": ["tests/test_merge.py"],
}
"""The tests that prove each part, by how its files' names begin; the first that fits."""
COPIED = ["rrt_engine", "tests", "rules", "cases", "tools", "pyproject.toml"]

OTHER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&": "|", "|": "&"}
SIDES = {'"right"': '"left"', '"left"': '"right"'}

# Changes that make no difference that anyone could see: file, the line as it stands, the change, and why.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "rrt_engine/timescales/arrays.py",
        "small = kind.astype(np.uint8) if len(self.log.kinds) < 256 else kind  # a byte sorts several times faster",
        "< -> <=",
    ): "256 kinds have the codes 0 to 255, which a byte holds",
}


@dataclass(frozen=True)
class Mutation:
    """One change: the characters of one line that become others."""

    file: str
    line: int
    start: int
    end: int
    new: str
    text: str

    @property
    def change(self) -> str:
        """What becomes what."""
        return f"{self.text[self.start : self.end]} -> {self.new}"

    def key(self) -> tuple[str, str, str]:
        """How `EQUIVALENT` names it; a change made twice in a line counts once."""
        return self.file, self.text.strip(), self.change

    def shown(self) -> str:
        """Where it is and what it does."""
        marked = f"{self.text[: self.start]}[{self.change}]{self.text[self.end :]}".strip()
        return f"{self.file}:{self.line}: {marked}"


def mutations(file: str) -> Iterator[Mutation]:
    """Every change to one file, leaving out words in comments and strings, annotations and decorators."""
    source = (ROOT / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in (tokenize.NL, tokenize.COMMENT)]
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        row, column = token.start
        text = lines[row - 1] if row <= len(lines) else ""
        if text.lstrip().startswith(("@", "import ", "from ")):
            continue
        if token.string == "|" and (after.string == "None" or before.string in ("None", "]") or "def " in text or "Literal" in text):
            continue  # a type, not a computation
        if token.type == tokenize.OP and token.string in OTHER:
            yield Mutation(file, row, column, token.end[1], OTHER[token.string], text)
        elif token.type == tokenize.STRING and token.string in SIDES:
            yield Mutation(file, row, column, token.end[1], SIDES[token.string], text)
        elif token.type == tokenize.NUMBER and token.string == "1" and before.string in ("+", "-"):
            yield Mutation(file, row, column, token.end[1], "0", text)
        elif token.string in ("and", "or") and token.type == tokenize.NAME:
            yield Mutation(file, row, column, token.end[1], "or" if token.string == "and" else "and", text)


def copy_tree() -> Path:
    """A copy of what the tests need, to break things in."""
    target = Path(tempfile.mkdtemp(prefix="mutate-"))
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target / name)
    return target


def noticed(mutation: Mutation, tree: Path, examples: int) -> bool:
    """Whether the tests fail with this change made."""
    path = tree / mutation.file
    original = path.read_text(encoding="utf-8")
    lines = original.splitlines(keepends=True)
    line = lines[mutation.line - 1]
    lines[mutation.line - 1] = line[: mutation.start] + mutation.new + line[mutation.end :]
    path.write_text("".join(lines), encoding="utf-8")
    try:
        return not tests_pass(tree, tests_of(mutation.file), examples)
    finally:
        path.write_text(original, encoding="utf-8")


def tests_of(file: str) -> list[str]:
    """The tests that prove a file."""
    return next((tests for begins, tests in TESTS.items() if file.startswith(begins)), ENGINE_TESTS)


def tests_pass(tree: Path, tests: list[str], examples: int) -> bool:
    """Run the tests in the copy; running for ever counts as failing."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RRT_EXAMPLES": str(examples),
        "RRT_NO_SHRINK": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    try:
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=600, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main() -> int:
    """Try the changes and print those that no test notices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=FILES, help="the files to break; all of the engine when left out")
    parser.add_argument("--examples", type=int, default=60, help="made cases for each family of rules")
    parser.add_argument("--again", type=int, default=400, help="made cases tried where those did not notice")
    parser.add_argument("--jobs", type=int, default=1, help="how many copies to break at a time")
    parser.add_argument("--list", action="store_true", help="only print the changes")
    given = parser.parse_args()
    tried = [m for file in given.files for m in mutations(file)]
    if given.list:
        print("\n".join(m.shown() for m in tried))
        return 0
    left = [m for m in tried if m.key() not in EQUIVALENT]
    trees: Queue[Path] = Queue()
    for _ in range(given.jobs):
        trees.put(copy_tree())
    needed = sorted({test for file in given.files for test in tests_of(file)})
    if not tests_pass(first := trees.get(), needed, given.examples):
        print("the tests fail before anything is changed", file=sys.stderr)
        return 2
    trees.put(first)

    def attempt(mutation: Mutation) -> bool:
        tree = trees.get()
        try:
            found = noticed(mutation, tree, given.examples) or noticed(mutation, tree, given.again)
        finally:
            trees.put(tree)
        if not found:
            print(mutation.shown(), flush=True)
        return found

    with ThreadPoolExecutor(given.jobs) as pool:
        results = list(pool.map(attempt, left))
    while not trees.empty():
        shutil.rmtree(trees.get())
    survived = results.count(False)
    print(f"{len(tried)} changes: {results.count(True)} noticed, {len(tried) - len(left)} known to change nothing, {survived} unnoticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
