"""The source tree as the house tests see it: modules with their syntax trees and their imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pyproftpd", "mod_sftp", "mod_sftp_pam")


@cache
def sources() -> dict[str, Path]:
    """Dotted module name -> file, for all product code."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(module: str) -> Iterator[tuple[str, int]]:
    """(dotted name of a product module imported, line); what stands under ``if TYPE_CHECKING`` does not count."""
    known = sources()
    skipped = {id(node) for block in ast.walk(parsed(known[module])) if isinstance(block, ast.If) and _type_checking(block)
               for node in ast.walk(block)}
    for node in ast.walk(parsed(known[module])):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield (name if name in known else node.module), node.lineno


def _type_checking(block: ast.If) -> bool:
    return isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
