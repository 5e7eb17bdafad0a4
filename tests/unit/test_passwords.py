"""Which passwords may be taken."""

import pytest

from exam_service.accounts.passwords import check_password
from exam_service.errors import Invalid

NUMBER, MOBILE = "11010519491231002X", "13900001111"


@pytest.mark.parametrize(
    "password",
    ["sunny7days", "a1b2c3d4", "密码很长7个字呢", "correct horse 9 battery", "x7" + "long" * 31 + "er"],
)
def test_a_password_of_letters_and_digits_will_do(password: str) -> None:
    check_password(password, personal=(NUMBER, MOBILE), shared_word="666666")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "至少8位"),
        ("abc1234", "至少8位"),
        ("666666", "至少8位"),
        ("a1" * 64 + "b", "最多128位"),
        ("abcdefgh", "字母和数字"),
        ("12345679", "字母和数字"),
        (" sunny7days", "空格"),
        ("sunny\u200b7days", "看不见"),
        ("abc12345", "太常见"),
        ("ABC12345", "太常见"),
        ("a6666666", "太常见"),
        ("ab666666x9", "太常见"),
        ("a1a1a1a1", "太常见"),
        ("welcome2hunan", "太常见"),
        ("x11010519491231002X", "证件号码"),
        ("19491231002x", "证件号码"),
        ("my13900001111", "手机号"),
        ("hunan-body1", "账号"),
    ],
)
def test_what_others_guess_will_not_do(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check_password(password, personal=(NUMBER, MOBILE, "hunan-body"), shared_word="Welcome2Hunan")
