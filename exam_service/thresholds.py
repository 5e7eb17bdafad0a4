"""The thresholds of a province, shown and set from the command line."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exam_service.clock import SystemClock, in_china
from exam_service.organisations import usecases as organisations
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Thresholds, ThresholdSetting
from exam_service.proctor.verifier import MODEL, Verifier
from exam_service.settings import Settings
from exam_service.storage.database import Database, Tx
from exam_service.storage.migrate import check_migrated


class UnknownProvince(LookupError):
    """It says which there are."""


def model_in_use(settings: Settings) -> tuple[str, tuple[float, float] | None]:
    """Its name, and the thresholds that come with it where it is an operator's own.

    Raises:
        BadRecogniser: The operator's own can't be used.
    """
    if settings.recogniser is None:
        return MODEL, None
    verifier = Verifier(settings.data_dir / "models", settings.recogniser)
    return verifier.model, verifier.thresholds


async def show(
    settings: Settings, province: str, model: str, own: tuple[float, float] | None = None
) -> list[str]:
    """What holds, since when, by whom and why, then what held before, as lines.

    Raises:
        UnknownProvince: There is no such province.
        Misconfigured: The database lacks a migration.
    """
    async with _province(settings, province) as tx:
        holding = await proctor.thresholds_for(tx, province, model, settings, own)
        history = await proctor.threshold_history(tx, province, model)
    return [
        f"{province}, {model}: {_shown(holding)}",
        *(_told(setting) for setting in history),
        *([] if history else ["  never set: these are the " + ("model's" if own else "settings'")]),
    ]


async def store(settings: Settings, province: str, model: str, thresholds: Thresholds, note: str) -> None:
    """Let these hold from now on.

    Raises:
        UnknownProvince: There is no such province.
        Misconfigured: The database lacks a migration.
        Invalid: The thresholds aren't in order.
    """
    async with _province(settings, province) as tx:
        await proctor.set_thresholds(
            tx,
            SystemClock(),
            province_id=province,
            model=model,
            thresholds=thresholds,
            set_by=_operator(),
            note=note,
        )


@asynccontextmanager
async def _province(settings: Settings, province: str) -> AsyncIterator[Tx]:
    database = await Database.connect(settings.database_url, pool_size=2)
    try:
        async with database.tx() as tx:
            await check_migrated(tx)
        known = sorted(known.id for known in await organisations.provinces(database))
        if province not in known:
            raise UnknownProvince(
                f"there is no province {province!r}; there are: {', '.join(known) or 'none'}"
            )
        async with database.tx() as tx:
            yield tx
    finally:
        await database.close()


def _operator() -> str:
    """Who runs this, as user@machine; by number where the system has no name for them."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _told(setting: ThresholdSetting) -> str:
    since = in_china(setting.set_at).strftime("%Y-%m-%d %H:%M")
    return f"  {since} (China)  {_shown(setting.thresholds)}  by {setting.set_by}: {setting.note}"


def _shown(thresholds: Thresholds) -> str:
    return f"match {thresholds.match:g}, mismatch {thresholds.mismatch:g}"
