"""What each kind of process loads: its start is part of every recovery."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded(modules: str) -> set[str]:
    """All modules of a process that imported these."""
    program = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("modules", "neither"),
    [
        (
            "exam_service.processes, exam_service.proctor.worker, exam_service.proctor.photo_worker",
            {"exam_service.app", "exam_service.features", "exam_service.papers.routes", "jinja2", "aiohttp"},
        ),
        ("exam_service.app", {"exam_service.proctor.verifier", "onnxruntime", "dlib", "cv2"}),
        ("exam_service.__main__", {"exam_service.app", "exam_service.tools", "asyncpg", "numpy", "aiohttp"}),
    ],
    ids=["a worker loads no pages", "web loads no networks", "a command loads what it needs when it runs"],
)
def test_a_process_loads_only_what_is_its_own(modules: str, neither: set[str]) -> None:
    assert loaded(modules) & neither == set()
