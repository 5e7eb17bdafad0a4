"""Every statement of every queries.sql: PostgreSQL takes it, its queries.py uses it, and none is missing."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import asyncpg
import pytest

import exam_service
from exam_service.storage.migrate import migrate
from exam_service.storage.statements import Statements

ROOT = Path(exam_service.__file__).parent
PACKAGES = [
    ".".join(("exam_service", *path.parent.relative_to(ROOT).parts))
    for path in sorted(ROOT.rglob("queries.sql"))
]
STATEMENTS = [(package, name) for package in PACKAGES for name in Statements(package)]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def names_used(tree: ast.Module) -> set[str]:
    """The names of ``SQL["…"]``.

    Raises:
        AssertionError: One is not written out, so that nobody could tell.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "SQL":
            assert isinstance(node.slice, ast.Constant), f"line {node.lineno}: SQL[…] with a computed name"
            found.add(node.slice.value)
    return found


def queries_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:], "queries.py")


def test_packages_with_statements_are_found() -> None:
    assert {"exam_service.storage", "exam_service.papers", "exam_service.audit"} <= set(PACKAGES)
    assert len(STATEMENTS) > 60


async def test_postgresql_takes_every_statement(database_url: str) -> None:
    assert await migrate(database_url) == []
    connection = await asyncpg.connect(database_url)
    refused = []
    try:
        for package, name in STATEMENTS:
            try:
                await connection.prepare(Statements(package)[name])
            except asyncpg.PostgresError as error:
                refused.append(f"{package}: {name}: {error}")
    finally:
        await connection.close()
    assert not refused


@pytest.mark.parametrize("package", PACKAGES)
def test_every_statement_is_used_and_every_one_used_exists(package: str) -> None:
    used = names_used(tree_of(queries_of(package)))
    assert used == set(Statements(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_queries_read_the_statements_of_their_own_package(package: str) -> None:
    module = importlib.import_module(f"{package}.queries")
    assert module.SQL.package == package


@pytest.mark.parametrize("package", PACKAGES)
def test_every_query_is_asked(package: str) -> None:
    """By a use case of its feature, or by another query."""
    path = queries_of(package)
    offered = {node.name for node in tree_of(path).body if isinstance(node, ast.AsyncFunctionDef)}
    asked = set()
    for neighbour in path.parent.rglob("*.py"):
        for node in ast.walk(tree_of(neighbour)):
            if isinstance(node, ast.Attribute):
                asked.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                asked.add(node.id)
    assert offered <= asked, f"asked by nobody: {sorted(offered - asked)}"


def test_statements_are_used_in_queries_alone() -> None:
    """And SQL is written in .sql files alone, but for what the storage itself says to the server."""
    allowed = {
        ROOT / "storage" / "migrate.py",
        ROOT / "storage" / "database.py",
        ROOT / "storage" / "embedded" / "postgres.py",
    }
    for path in sorted(ROOT.rglob("*.py")):
        tree = tree_of(path)
        if path.name != "queries.py":
            assert not names_used(tree), path
        if path in allowed:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                start = node.value.lstrip().split(" ", 1)[0]
                assert start not in {"SELECT", "INSERT", "UPDATE", "DELETE"}, f"{path}:{node.lineno}"


def test_nothing_asks_the_servers_own_clock() -> None:
    """Time is an argument: no now() in the statements."""
    for package, name in STATEMENTS:
        text = Statements(package)[name].lower()
        for clock in ("now()", "current_timestamp", "clock_timestamp", "current_date", "localtime"):
            assert clock not in text, f"{package}: {name}"
