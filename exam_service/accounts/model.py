"""People who log in, their roles and scopes, how long a session lives, and consent. Pure."""

from __future__ import annotations

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
FACE_CONSENT_VERSION = "face-2026-1"


@dataclass(frozen=True)
class Principal:
    """Somebody logged in, and the scope they may see: their province, below it a body or an institution."""

    account_id: UUID
    role: Role
    province_id: str
    name: str
    body_id: UUID | None
    institution_id: UUID | None

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


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives without use, and altogether."""

    idle: timedelta
    whole: timedelta


def session_is_live(limits: SessionLimits, seen_at: datetime, ends_at: datetime, now: datetime) -> bool:
    """Whether a session last used at ``seen_at`` still counts at ``now``."""
    return now < ends_at and now < seen_at + limits.idle


@dataclass(frozen=True)
class Consent:
    """Consent to the processing of one's face, given at a time to a version of the text."""

    version: str
    given_at: datetime


FACE_CONSENT_PURPOSES = (
    "开考前核对是否为本人，防止他人替考；",
    "测评过程中定时抓拍，供考核机构人员复核监考情况；",
    "机器只作提示，是否违规一律由考核机构工作人员判定。",
)
FACE_CONSENT_RETENTION = (
    "人脸图像与特征值加密保存，仅限本考核周期使用；结果确认且申诉期结束后按规定清除。每一次查看都有记录。"
)
FACE_CONSENT_RIGHTS = (
    "您可以随时撤回同意，撤回不影响此前已完成的测评；",
    "您可以查询、更正，或在申诉期结束后要求删除您的人脸信息；",
    "不同意采集人脸的，可联系考核机构安排有工作人员在场的测评，考核资格不受影响。",
)
