"""What a password must be: NIST SP 800-63B, and the manuals' rule (8 or more, letters and digits). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from exam_service.errors import Invalid

SHORTEST, LONGEST = 8, 128
HINT = f"{SHORTEST}位以上，须同时有字母和数字；不能是证件号码、手机号或常见密码"
_COMMON_WORDS = """
password passw0rd password1 password12 password123 password1234 pass1234 p@ssw0rd p@ssword1
abc12345 abcd1234 abcde123 abc123456 abcd12345 abcdef123 a1234567 a12345678 a123456789 aa123456
aa12345678 aaa12345 aaaa1111 as123456 asd12345 asdf1234 asd123456 q1234567 qwe12345 qwer1234 qwe123456
qwerty12 qwerty123 qwerty1234 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc zaq12wsx q1w2e3r4 zxc12345
zxcv1234 zxc123456 12345678a 123456789a 1234abcd 123abc456 123456abc 123456ab 123456aa 1234qwer
123qwe123 123qweasd 1a2b3c4d iloveyou1 woaini123 woaini520 woaini1314 woaini521 5201314a a5201314
wang1234 zhang123 li123456 liu12345 admin123 admin1234 admin888 root1234 test1234 user1234 welcome1
welcome123 letmein1 monkey12 dragon12 football1 baseball1 sunshine1 princess1 superman1 master12
hello123 hello1234 computer1 internet1 yishi123 yisheng123 doctor123 doctor1234 hospital1 hospital123
nurse1234 dingkao123 kaohe123 yiyuan123
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def check_password(password: str, *, personal: Iterable[str], shared_word: str = "") -> None:
    """Raises Invalid when somebody must not take this password.

    Args:
        personal: What others know of them: identity number, mobile number, user name, name.
        shared_word: The word that the province prints for everybody, if it does.
    """
    if len(password) < SHORTEST:
        raise Invalid(f"密码至少{SHORTEST}位，请换一个更长的。", code="bad_password")
    if len(password) > LONGEST:
        raise Invalid(f"密码最多{LONGEST}位，请换一个短一些的。", code="bad_password")
    if not (any(c.isalpha() for c in password) and any(c.isdigit() for c in password)):
        raise Invalid("密码须同时有字母和数字，请修改后重试。", code="bad_password")
    if password != password.strip() or any(not c.isprintable() for c in password):
        raise Invalid("密码首尾不能有空格，也不能有看不见的字符。", code="bad_password")
    lowered = password.lower()
    if lowered in _COMMON or _is_monotonous(lowered) or (shared_word and lowered == shared_word.lower()):
        raise Invalid("这个密码太常见，容易被猜到，请换一个。", code="bad_password")
    for known in personal:
        word = known.lower()
        if len(word) >= SHORTEST - 2 and (word in lowered or lowered in word):
            raise Invalid("密码不能含证件号码、手机号或账号，请换一个。", code="bad_password")


def _is_monotonous(password: str) -> bool:
    """Few different characters, or hardly more than the shared 666666 of the manuals."""
    least_different = 4
    return len(set(password)) < least_different or "666666" in password
