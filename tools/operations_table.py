"""Write docs/operations.md: the operations that are built, service by service, from the code and botocore's models.

With --check it writes nothing and fails if the page is out of date.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from clary.wire.models import Models

ROOT = Path(__file__).parent.parent
SERVICES = ROOT / "src/clary/services"
OUT = ROOT / "docs/operations.md"
INTRO = """\
# Operations

What Clary answers today. Everything else of these services, and every other AWS service, is refused with
`UnknownOperationException` and its own name. This page is written by `make tables`.
"""
BY_GATEWAY = {
    "sagemaker-runtime": [
        ("InvokeEndpoint", "Answer with what a model says (the gateway does this)."),
        ("InvokeEndpointWithResponseStream", "Answer with what a model says, when it says it (the gateway does this)."),
    ]
}


def built(service: Path) -> Iterator[tuple[str, str]]:
    """Give the operations of a service and the first line of what is said of them."""
    for path in sorted(service.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "operation":
                        said = (ast.get_docstring(node) or "").split("\n")[0]
                        yield ast.literal_eval(decorator.args[0]), said


def page() -> str:
    """Return the whole page."""
    models = Models()
    found = {path.name: sorted(built(path)) for path in sorted(SERVICES.iterdir()) if path.is_dir()}
    services = {name: operations for name, operations in found.items() if operations} | BY_GATEWAY
    parts = [INTRO]
    for name, operations in sorted(services.items()):
        total = len(models.load(name.replace("_", "-")).operation_names)
        parts.append(f"\n## {name} ({len(operations)} of {total})\n\n| operation | |\n|---|---|\n")
        parts += [f"| {operation} | {said} |\n" for operation, said in operations]
    return "".join(parts)


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        if OUT.exists() and OUT.read_text() == text:
            return 0
        print(f"{OUT} is out of date: run `make tables`.")
        return 1
    OUT.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
