"""People who log in, their roles and scopes, how long a session lives, and consent. Pure."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Forbidden


class Role(StrEnum):
    """The five kinds of people."""

    PHYSICIAN = "physician"
    INSTITUTION = "institution"
    BODY = "body"
    AUTHORITY = "authority"
    OPERATOR = "operator"


ROLE_LABELS = {
    Role.PHYSICIAN: "医师",
    Role.INSTITUTION: "医疗卫生机构",
    Role.BODY: "考核机构",
    Role.AUTHORITY: "卫生行政部门",
    Role.OPERATOR: "系统运维",
}
STAFF = (Role.INSTITUTION, Role.BODY, Role.AUTHORITY, Role.OPERATOR)

FACE_CONSENT = "face"
FACE_CONSENT_VERSION = "face-2026-3"


@dataclass(frozen=True)
class Principal:
    """Somebody logged in, and the scope they may see: their province, below it a body or an institution.

    Attributes:
        must_first: The page that they have to see to before they may do anything else.
    """

    account_id: UUID
    role: Role
    province_id: str
    name: str
    body_id: UUID | None
    institution_id: UUID | None
    must_first: str | None = None

    @property
    def role_label(self) -> str:
        return ROLE_LABELS[self.role]

    @property
    def home(self) -> str:
        return "/home"

    def of_body(self) -> UUID:
        """The body this person works for.

        Raises:
            Forbidden: They work for none.
        """
        if self.role is not Role.BODY or self.body_id is None:
            raise Forbidden("此功能仅供考核机构人员使用。")
        return self.body_id

    def of_institution(self) -> UUID:
        """The institution this person works for.

        Raises:
            Forbidden: They work for none.
        """
        if self.role is not Role.INSTITUTION or self.institution_id is None:
            raise Forbidden("此功能仅供医疗卫生机构人员使用。")
        return self.institution_id

    def of_authority(self) -> str:
        """The province that this person of the health administration works for.

        Raises:
            Forbidden: They don't work for one.
        """
        if self.role is not Role.AUTHORITY:
            raise Forbidden("此功能仅供卫生行政部门人员使用。")
        return self.province_id


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives without use, and altogether."""

    idle: timedelta
    whole: timedelta


def session_is_live(limits: SessionLimits, seen_at: datetime, ends_at: datetime, now: datetime) -> bool:
    """Whether a session last used at ``seen_at`` still counts at ``now``."""
    return now < ends_at and now < seen_at + limits.idle


class SecondFactor(StrEnum):
    """Whether staff log in with a one-time code besides their password; the operator says."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


CHANGE_PASSWORD_PAGE = "/account/password"  # noqa: S105 - a path
SECOND_FACTOR_PAGE = "/account/second-factor"


def must_first(
    role: Role, *, must_change_password: bool, has_second_factor: bool, second_factor: SecondFactor
) -> str | None:
    """The page that somebody who has just come in has to see to first; ``None`` when nothing is due."""
    if must_change_password:
        return CHANGE_PASSWORD_PAGE
    if second_factor is SecondFactor.REQUIRED and role in STAFF and not has_second_factor:
        return SECOND_FACTOR_PAGE
    return None


class Purpose(StrEnum):
    """What a code to a mobile number is for."""

    ACTIVATION = "activation"
    RESET = "reset"
    BINDING = "binding"
    CHANGE = "change"


CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=10)
CODE_TRIES = 5
CODE_AGAIN_AFTER = timedelta(seconds=60)
CODES_A_DAY = 10
SLIP_LASTS = timedelta(hours=72)
_SLIP_BYTES = 16
_SLIP_CHARACTERS = 26
_SLIP_GROUP = 5


def new_slip_token() -> str:
    """128 random bits in 26 capital letters and digits (RFC 4648, base 32: no 0, 1, 8 or 9 to misread)."""
    return base64.b32encode(secrets.token_bytes(_SLIP_BYTES)).decode().rstrip("=")


def slip_groups(token: str) -> str:
    """A slip's token as it is printed for typing: ``ABCDE-FGHIJ-…``."""
    return "-".join(token[at : at + _SLIP_GROUP] for at in range(0, len(token), _SLIP_GROUP))


def read_slip_token(typed: str) -> str:
    """What somebody typed or scanned of a slip, without its dashes and in capitals."""
    kept = "".join(
        character for character in typed[:200].upper() if character.isascii() and character.isalnum()
    )
    return kept.replace("0", "O").replace("1", "I").replace("8", "B")[:_SLIP_CHARACTERS]


class ConsentState(StrEnum):
    GIVEN = "given"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class ConsentRecord:
    """What somebody said to a version of the text on their face, and until when a consent held."""

    version: str
    given_at: datetime | None
    declined_at: datetime | None
    withdrawn_at: datetime | None

    @property
    def state(self) -> ConsentState:
        if self.declined_at is not None:
            return ConsentState.DECLINED
        return ConsentState.GIVEN if self.withdrawn_at is None else ConsentState.WITHDRAWN


FACE_CONSENT_PROCESSOR = (
    "由卫生行政部门委托的考核机构处理，仅考核机构的监考、评定人员在工作需要时查看，每一次查看都有记录；"
    "不出售、不用于考核以外的用途，除法律规定外不提供给他人。"
)
FACE_CONSENT_PURPOSES = (
    "开考前核对是否为本人，防止他人替考；",
    "测评过程中定时抓拍，供考核机构人员复核监考情况；",
    "机器只作提示，是否违规一律由考核机构工作人员判定。",
)
FACE_CONSENT_COLLECTED = (
    "您上传的报名照片：由机器检查是否为一张清晰的正面人脸，审核通过后用于测评时核对身份；",
    "设备自检、开考前核验和答题过程中由摄像头拍摄的照片，不录像、不录音；",
    "由照片计算出的人脸特征值（一组数字），只用于与您的报名照片比对；",
    "照片与特征值逐人加密保存，密钥销毁后无法恢复。",
)
FACE_CONSENT_RIGHTS = (
    "您可以随时撤回同意，撤回后立即停止采集，不影响此前已完成的测评；",
    "您可以在“我的人脸信息”中查看保存了什么、何时清除，并申请删除，申诉期结束后即予执行；",
    "对处理有异议的，可以向考核机构或当地卫生行政部门提出。",
)
