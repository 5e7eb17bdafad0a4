"""Importing from the command line, into named servers or the embedded ones of a data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from exam_service.clock import SystemClock
from exam_service.errors import Invalid
from exam_service.organisations import usecases as organisations
from exam_service.questions import pictures
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.settings import load_settings
from exam_service.storage.database import Database
from exam_service.storage.migrate import migrate
from exam_service.supervisor import servers


def import_file(
    file: Path,
    province: str,
    bank: str,
    subject: str,
    use: str,
    category: str | None,
    level: str | None,
    data: Path,
    images: Path | None,
) -> int:
    """Import a CSV file into a bank, with the pictures in ``images`` that it names; gives how many items.

    Raises:
        BadRows: Rows are wrong or in the bank already; nothing was imported.
        Invalid: No such province, not a CSV file, or a directory of pictures of which it names none.
    """
    drafts = questions.read_csv(file.read_bytes(), pictures.of_directory(images) if images else None)
    if images and not any(draft.image for draft in drafts):
        raise Invalid("给出了 --images，但文件中没有一题写有图片。请检查表头是否有“图片”（image）一列。")

    async def run() -> None:
        settings = load_settings()
        await migrate(settings.database_url)
        database = await Database.connect(settings.database_url, pool_size=2)
        try:
            known = {known.id for known in await organisations.provinces(database)}
            if province not in known:
                raise Invalid(f"没有省份 {province}，现有：{'、'.join(sorted(known)) or '无'}。")
            async with database.tx() as tx:
                await questions.import_bank(
                    tx,
                    SystemClock(),
                    province_id=province,
                    title=bank,
                    subject=subject,
                    category=category,
                    level=level,
                    use=Use(use),
                    drafts=drafts,
                )
        finally:
            await database.close()

    with servers(data, join=True):
        asyncio.run(run())
    return len(drafts)
