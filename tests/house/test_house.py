"""The rules of the house that a machine can hold us to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "clary"
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").rglob("*.py"))
PAGES = [*SOURCES, *TOOLS, *sorted((ROOT / "tests").rglob("*.py"))]
LOCKS = sorted(ROOT.glob("requirements/*.lock")) + sorted(ROOT.glob("tests/e2e/environments/*.lock"))

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
DOCSTRING_LINES_MAX = 6
BANNED_NAMES = {"utils", "util", "helpers", "common", "misc", "base", "manager", "managers"}
MAY_CATCH_EVERYTHING = {
    "clary/server/handle.py",  # the server's edge
    "clary/server/http.py",
    "clary/gateway/invocations.py",  # the gateway's edge
    "clary/gateway/streams.py",
    "clary/gateway/routes.py",  # which goes on with what it knows
    "clary/controllers/loop.py",  # the controllers' loop
    "clary/agent/life.py",  # the agent's
    "clary/supervisor/children.py",  # the edge of a process
    "clary/compute/keeper/parent.py",
    "clary_plugin/clary_botocore.py",  # a client must never break because of us
    "clary_runtime/commands.py",  # the edges to customers' code
    "clary_runtime/interpreter.py",
    "clary_runtime/serving/server.py",
    "clary_runtime/serving/streams.py",
}
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*( *;.*)?")
NOTES_TO_SELF = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3 + r"\b", "HA" + "CK")))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def none_of(violations: list[str]) -> None:
    assert not violations, "\n".join(["these break the rule:", *violations])


def test_a_file_reads_in_one_sitting() -> None:
    lines = {name_of(path): path.read_text().count("\n") for path in SOURCES}
    none_of([f"{name}: {count} lines" for name, count in lines.items() if count > FILE_LINES_MAX])


def test_a_function_fits_on_a_screen() -> None:
    none_of(
        [
            f"{name_of(path)}:{node.lineno} {node.name}"
            for path in SOURCES
            if "migrations" not in path.parts  # each says a whole schema, in one piece
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
        ]
    )


def test_a_page_is_named_for_what_is_in_it() -> None:
    none_of([name_of(path) for path in PAGES if BANNED_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}])


def test_a_page_says_what_it_is_for() -> None:
    pages = [path for path in (*SOURCES, *TOOLS) if path.stat().st_size]
    told = {path: ast.get_docstring(tree_of(path)) for path in pages}
    none_of([name_of(path) for path, docstring in told.items() if not docstring])
    none_of(
        [
            name_of(path)
            for path, docstring in told.items()
            if PACKAGE in path.parents
            and path != PACKAGE / "core" / "errors.py"  # which draws its tree
            and (docstring or "").count("\n") >= DOCSTRING_LINES_MAX
        ]
    )


def test_nothing_is_put_off_in_a_comment() -> None:
    none_of([name_of(path) for path in PAGES if NOTES_TO_SELF.search(path.read_text())])


def test_only_an_edge_catches_everything() -> None:
    none_of(
        [
            f"{name_of(path)}:{handler.lineno}"
            for path in SOURCES
            for handler in handlers_of_everything(tree_of(path))
            if str(path.relative_to(ROOT / "src")) not in MAY_CATCH_EVERYTHING
        ]
    )


def handlers_of_everything(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    """Give the handlers that swallow whatever comes; one that raises it again does not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            everything = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            again = any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(node))
            if everything and not again:
                yield node


@cache
def operations() -> list[tuple[str, str, Path]]:
    """Return the service, the name and the file of every operation."""
    return [
        (path.relative_to(PACKAGE / "services").parts[0], ast.literal_eval(mark.args[0]), path)
        for path in sorted((PACKAGE / "services").rglob("*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "operation"
    ]


def test_an_operation_is_in_the_model() -> None:
    session = botocore.session.get_session()
    models = {name: session.get_service_model(name.replace("_", "-")) for name, _, _ in operations()}
    assert models
    none_of([f"{service}:{name}" for service, name, _ in operations() if name not in models[service].operation_names])


def test_an_operation_is_called_in_the_test_that_mirrors_its_file() -> None:
    none_of([f"{name_of(path)} {name}" for _, name, path in operations() if not is_called(name, mirror_of(path))])


def mirror_of(path: Path) -> Path:
    return ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.name}")


def is_called(name: str, test: Path) -> bool:
    """Tell whether a test names an operation, as AWS does or as boto3 does."""
    return test.exists() and bool(re.search(rf'"{name}"|\.{xform_name(name)}\(', test.read_text()))


def test_a_lock_pins_every_package_and_names_no_host() -> None:
    for path in LOCKS:
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert lines, name_of(path)
        none_of([line for line in lines if not PIN.fullmatch(line)]), name_of(path)
        assert "://" not in path.read_text(), name_of(path)
