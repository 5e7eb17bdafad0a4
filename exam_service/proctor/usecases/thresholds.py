"""Which thresholds hold in a province for a model, and since when."""

from __future__ import annotations

import math

from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import Invalid
from exam_service.ids import new_id
from exam_service.proctor import queries
from exam_service.proctor.model import Thresholds, ThresholdSetting
from exam_service.settings import Settings
from exam_service.storage.database import Tx

_SHOWN = 20


async def thresholds_for(
    tx: Tx, province_id: str, model: str, settings: Settings, own: tuple[float, float] | None = None
) -> Thresholds:
    """What the province set last for this model; else what comes with the model, else what the settings say.

    Args:
        own: Match and mismatch of an operator's own model; the settings are for the shipped one.
    """
    newest = await queries.select_thresholds(tx, province_id, model, limit=1)
    if newest:
        return newest[0].thresholds
    if own is not None:
        return Thresholds(*own)
    return Thresholds(settings.match_threshold, settings.mismatch_threshold)


async def threshold_history(tx: Tx, province_id: str, model: str) -> list[ThresholdSetting]:
    """What the province set for this model, the newest first, which holds; empty when the settings do."""
    return await queries.select_thresholds(tx, province_id, model, limit=_SHOWN)


async def set_thresholds(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    model: str,
    thresholds: Thresholds,
    set_by: str,
    note: str,
) -> None:
    """Let these hold from now on; verdicts that were given keep the ones they were given by.

    Raises:
        Invalid: They aren't positive and in order, or nothing says who set them, for which model or why.
    """
    if not 0 < thresholds.match <= thresholds.mismatch < math.inf:
        raise Invalid("阈值应大于0，且本人阈值不得高于他人阈值。", code="bad_thresholds")
    if not (model.strip() and set_by.strip() and note.strip()):
        raise Invalid("请写明模型、设置人和理由。", code="bad_thresholds")
    setting = ThresholdSetting(thresholds, clock.now(), set_by, note)
    await queries.insert_thresholds(tx, new_id(), province_id, model, setting)
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=None,  # an operator at the command line has no account
        action="thresholds.set",
        subject_id=None,
        facts={
            "model": model,
            "match": thresholds.match,
            "mismatch": thresholds.mismatch,
            "by": set_by,
            "note": note,
        },
    )
