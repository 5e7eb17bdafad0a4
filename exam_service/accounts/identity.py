"""Documents that people are known by, and the mobile numbers and names beside them. Pure.

Identity numbers (居民身份证号码) are of GB 11643-1999: 18 digits, or the 15 of cards issued before.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from exam_service.errors import Invalid

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_LONGEST_TYPED = 64
_LONG = re.compile(r"^[1-9]\d{16}[\dX]$", re.ASCII)
_SHORT = re.compile(r"^[1-9]\d{14}$", re.ASCII)
_OTHER = re.compile(r"^[0-9A-Z\u4e00-\u9fff]{4,32}$")
_MOBILE = re.compile(r"^1[3-9]\d{9}$", re.ASCII)
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･.．。●᛫", "·"))


class DocumentType(StrEnum):
    """Documents that physicians are registered with."""

    IDENTITY_CARD = "identity_card"
    PASSPORT = "passport"
    HK_MO_PERMIT = "hk_mo_permit"
    TW_PERMIT = "tw_permit"
    OFFICER = "officer"
    OTHER = "other"


DOCUMENT_LABELS = {
    DocumentType.IDENTITY_CARD: "身份证",
    DocumentType.PASSPORT: "护照",
    DocumentType.HK_MO_PERMIT: "港澳居民来往内地通行证",
    DocumentType.TW_PERMIT: "台湾居民来往大陆通行证",
    DocumentType.OFFICER: "军官证",
    DocumentType.OTHER: "其他证件",
}


@dataclass(frozen=True, repr=False)
class Document:
    """A document's number that is well formed.

    Attributes:
        canonical: The 18-digit form of an identity number; both forms of one person have the same.
        written: The form it was given in (15 or 18), which is the one shown and printed.
    """

    canonical: str
    written: str
    type: DocumentType = DocumentType.IDENTITY_CARD

    @property
    def masked(self) -> str:
        return mask(self.written)


def check_character(first_17: str) -> str:
    """The check character of 17 digits, ISO 7064 MOD 11-2: ``0``–``9`` or ``X``."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True)) % 11]


def parse_identity_number(text: str) -> Document:
    """Read what a person typed: spaces, full-width digits and a small ``x`` are fine.

    Raises:
        Invalid: Not 15 or 18 digits, a wrong check character, or no real date.
    """
    if len(text) > _LONGEST_TYPED:  # before normalising, which is quadratic in combining marks
        raise Invalid("身份证号应为15位或18位，请核对后重新输入。", code="bad_identity_number")
    written = _closed_up(text).upper()
    if _SHORT.match(written):
        first_17 = written[:6] + "19" + written[6:]
        canonical = first_17 + check_character(first_17)
    elif _LONG.match(written):
        canonical = written
        if check_character(written[:17]) != written[17]:
            raise Invalid("身份证号有误：最后一位校验码不符，请逐位核对。", code="bad_identity_number")
    else:
        raise Invalid("身份证号应为15位或18位，请核对后重新输入。", code="bad_identity_number")
    try:
        date(int(canonical[6:10]), int(canonical[10:12]), int(canonical[12:14]))
    except ValueError:
        raise Invalid("身份证号中的出生日期不存在，请逐位核对。", code="bad_identity_number") from None
    return Document(canonical, written)


def parse_document(document_type: str, number: str) -> Document:
    """Read the number of a document of any type; only identity numbers have a form that can be checked.

    Raises:
        Invalid: The type is unknown, or the number isn't one of it.
    """
    try:
        kind = DocumentType(document_type)
    except ValueError:
        raise Invalid("请选择证件类型。", code="bad_document_type") from None
    if kind is DocumentType.IDENTITY_CARD:
        return parse_identity_number(number)
    if len(number) > _LONGEST_TYPED:
        raise Invalid("证件号码有误，请与证件逐位核对。", code="bad_document_number")
    written = re.sub(r"[-()（）]", "", _closed_up(number)).upper()
    if not _OTHER.match(written):
        raise Invalid("证件号码应为4至32位字母或数字，请与证件逐位核对。", code="bad_document_number")
    return Document(written, written, kind)


def parse_mobile(text: str) -> str:
    """Eleven digits of a mobile number of the mainland; a prefix +86, spaces and dashes are fine.

    Raises:
        Invalid: It is none.
    """
    digits = "" if len(text) > _LONGEST_TYPED else re.sub(r"^(\+|00)86|-", "", _closed_up(text))
    if not _MOBILE.match(digits):
        raise Invalid("手机号应为11位数字，请核对后重新输入。", code="bad_mobile")
    return digits


def is_mobile(text: str) -> bool:
    """Whether somebody typed a mobile number, where either that or an identity number may stand."""
    return len(text) <= _LONGEST_TYPED and _MOBILE.match(_closed_up(text)) is not None


def tidy_name(text: str) -> str:
    """A name as it is kept: full-width forms made plain, no space at its ends, one between words.

    Raises:
        Invalid: Nothing is left, too much, or something that nobody sees: it turns round what stands beside,
            or no spreadsheet can have it.
    """
    name = " ".join(unicodedata.normalize("NFKC", text[: 2 * _LONGEST_TYPED]).split())
    if not name or len(name) > _LONGEST_TYPED or not name.isprintable():
        raise Invalid("请填写姓名，须与医师电子化注册信息一致。", code="bad_name")
    return name


def name_key(name: str) -> str:
    """What is the same for every writing of one name: dots of every kind, case and spaces don't matter."""
    return _closed_up(name[: 2 * _LONGEST_TYPED]).translate(_DOTS).casefold()


def _closed_up(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def mask(number: str) -> str:
    """All but the first three and the last four as stars: ``430***********1234``."""
    return number[:3] + "*" * max(0, len(number) - 7) + number[-4:]
