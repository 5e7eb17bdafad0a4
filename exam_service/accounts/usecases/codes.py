"""Codes to mobile numbers: six digits that one person may try five times within ten minutes.

Everything is counted by who somebody says they are, known or not, so that the answers don't tell which.
"""

from __future__ import annotations

import hmac
import math
import secrets
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.model import (
    CODE_AGAIN_AFTER,
    CODE_DIGITS,
    CODE_LASTS,
    CODE_TRIES,
    CODES_A_DAY,
    Purpose,
)
from exam_service.crypto.hashes import keyed_hash
from exam_service.errors import Invalid, TooMany
from exam_service.ids import new_id
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_DAY = 24 * 60 * 60
_OVER = "验证码已失效，请重新获取。"


async def new_code(
    tx: Tx,
    services: Services,
    *,
    purpose: Purpose,
    who: bytes,
    province_id: str,
    account_id: UUID | None,
    mobile_hash: bytes,
) -> tuple[UUID, str | None]:
    """A fresh code, the older ones of ``who`` end; what to send is ``None`` where nobody is to get it.

    Args:
        who: Keyed hash of who it is that asks, as they say.
        account_id: The account that they are of, if they are.

    Raises:
        TooMany: The last one is less than a minute old, or there were too many today.
    """
    now = services.clock.now()
    await queries.lock_turn(tx, who)
    sent = await queries.select_codes_sent(tx, who, mobile_hash, now - 24 * 60 * CODE_AGAIN_AFTER)
    if sent.last_sent_at is not None and (wait := sent.last_sent_at + CODE_AGAIN_AFTER - now):
        seconds = math.ceil(wait.total_seconds())
        if seconds > 0:
            raise TooMany(
                f"验证码刚刚获取过，请{seconds}秒后再试。", retry_after=seconds, code="code_too_soon"
            )
    if sent.of_person >= CODES_A_DAY:
        raise TooMany(
            "今天获取验证码的次数已达上限，请明天再试，或向所在医疗卫生机构领取激活单。",
            retry_after=_DAY,
            code="codes_used_up",
        )
    code_id = new_id()
    code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
    # A number that gets too many in the names of several people is simply sent none.
    is_sent = account_id is not None and sent.to_mobile < CODES_A_DAY
    await queries.supersede_codes(tx, who, now)
    await queries.insert_code(
        tx,
        code_id,
        province_id,
        account_id if is_sent else None,
        who,
        purpose,
        mobile_hash,
        _hash(services, code_id, code),
        now,
        now + CODE_LASTS,
    )
    return code_id, code if is_sent else None


def code_text(code: str) -> str:
    """The message that brings a code."""
    minutes = int(CODE_LASTS.total_seconds() // 60)
    return f"您的验证码是{code}，{minutes}分钟内有效。请勿告诉他人，工作人员不会向您索要验证码。"


async def try_code(
    tx: Tx, services: Services, code_id: UUID, purpose: Purpose, typed: str
) -> queries.Code | Invalid:
    """Try a code; a right one is used up. Returned is what to raise once the try is committed, if wrong."""
    now = services.clock.now()
    code = await queries.lock_optional_code(tx, code_id, purpose)
    if code is None or code.used_at is not None or now >= code.expires_at:
        return over()
    if code.tries >= CODE_TRIES:
        return Invalid("验证码输错次数过多，已经失效，请重新获取。", code="code_over", field="code")
    digits = "".join(typed.split())[: 2 * CODE_DIGITS]
    if code.account_id is not None and hmac.compare_digest(_hash(services, code_id, digits), code.code_hash):
        await queries.update_code_used(tx, code_id, now)
        return code
    await queries.update_code_tries(tx, code_id)
    left = CODE_TRIES - code.tries - 1
    if left == 0:
        return Invalid("验证码输错次数过多，已经失效，请重新获取。", code="code_over", field="code")
    return Invalid(
        f"验证码不正确，请核对短信后重新输入，还可以再试{left}次。", code="wrong_code", field="code"
    )


def over() -> Invalid:
    """What is said of a code that holds no longer."""
    return Invalid(_OVER, code="code_over", field="code")


def _hash(services: Services, code_id: UUID, code: str) -> bytes:
    return keyed_hash(services.settings.key("lookup_key"), "code", code_id.bytes, code)
