"""The command line: ``exam-service --help``."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import click

from exam_service.commands import filling, proctoring, proof, serving, simulating
from exam_service.errors import BadFields, DomainError, Misconfigured

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class _Group(click.Group):
    """Errors that an operator can mend are printed as a sentence, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from exam_service.storage.embedded import EmbeddedServerError  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (Misconfigured, EmbeddedServerError) as error:
            raise click.ClickException(str(error)) from None
        except BadFields as error:
            raise click.ClickException("".join(error.problems.values())) from None
        except DomainError as error:
            raise click.ClickException(error.sentence) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="exam-service")
def main() -> None:
    """Online proctored examinations for the periodic assessment of physicians (医师定期考核).

    \b
    To try it:            exam-service demo
    On one machine:       exam-service serve --data /srv/exam
    On many machines:     exam-service migrate, then web, worker and sweep on each, with EXAM_DATABASE_URL
                          and EXAM_REDIS_URL naming the shared servers

    Every setting is an environment variable EXAM_… or a line of the TOML file that EXAM_CONFIG names; see
    docs/operations.md.
    """
    level = os.environ.get("EXAM_LOG", "INFO").upper()
    if level not in LEVELS:
        raise Misconfigured(f"EXAM_LOG is {level!r}; it must be one of {', '.join(LEVELS)}")
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


for command in (
    serving.serve,
    serving.demo,
    serving.web,
    serving.worker,
    serving.sweep,
    serving.migrate,
    proof.audit,
    proof.evidence,
    proof.attempts,
    filling.provinces,
    filling.staff,
    filling.cycles,
    filling.policy,
    filling.papers,
    filling.questions,
    proctoring.proctor,
    simulating.simulate,
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="exam-service")
