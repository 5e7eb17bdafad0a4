from uuid import UUID

import pytest

from exam_service.crypto.envelope import (
    VERSION,
    BadEnvelope,
    DataKey,
    data_key_id,
    new_secret,
    open_envelope,
    seal,
)
from exam_service.crypto.hashes import keyed_hash, new_token, same, token_hash

KEY = DataKey(UUID(int=1), bytes(range(32)))
ROW = UUID(int=2)
PLAIN = "身份证号：11010519491231002X".encode()


def test_what_is_sealed_opens_again() -> None:
    assert open_envelope(KEY, seal(KEY, PLAIN, ROW), ROW) == PLAIN


def test_an_empty_text_can_be_sealed() -> None:
    assert open_envelope(KEY, seal(KEY, b"", ROW), ROW) == b""


def test_an_envelope_hides_its_text_and_names_its_key() -> None:
    envelope = seal(KEY, PLAIN, ROW)
    assert PLAIN not in envelope
    assert envelope[0] == VERSION
    assert data_key_id(envelope) == KEY.id


def test_sealing_twice_gives_two_envelopes() -> None:
    assert seal(KEY, PLAIN, ROW) != seal(KEY, PLAIN, ROW)


def test_an_envelope_moved_to_another_row_does_not_open() -> None:
    envelope = seal(KEY, PLAIN, ROW)
    with pytest.raises(BadEnvelope, match="altered, or sealed for another row"):
        open_envelope(KEY, envelope, UUID(int=3))


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BadEnvelope, match="another data key"):
        open_envelope(DataKey(UUID(int=9), KEY.secret), seal(KEY, PLAIN, ROW), ROW)


def test_another_secret_under_the_same_id_does_not_open_it() -> None:
    with pytest.raises(BadEnvelope, match="altered"):
        open_envelope(DataKey(KEY.id, bytes(32)), seal(KEY, PLAIN, ROW), ROW)


def test_every_altered_byte_is_noticed() -> None:
    envelope = seal(KEY, PLAIN, ROW)
    for position in range(len(envelope)):
        altered = bytearray(envelope)
        altered[position] ^= 1
        with pytest.raises(BadEnvelope):
            open_envelope(KEY, bytes(altered), ROW)


def test_every_cut_is_noticed() -> None:
    envelope = seal(KEY, PLAIN, ROW)
    for length in range(len(envelope)):
        with pytest.raises(BadEnvelope):
            open_envelope(KEY, envelope[:length], ROW)
    with pytest.raises(BadEnvelope):
        open_envelope(KEY, envelope + b"\0", ROW)


def test_an_envelope_of_a_later_version_is_refused() -> None:
    envelope = seal(KEY, PLAIN, ROW)
    with pytest.raises(BadEnvelope, match="version"):
        data_key_id(bytes([VERSION + 1]) + envelope[1:])


def test_a_data_key_is_not_printed_by_accident() -> None:
    assert repr(KEY.secret) not in repr(KEY)
    assert "secret" not in repr(KEY)


def test_new_secrets_have_256_bits_and_differ() -> None:
    first, second = new_secret(), new_secret()
    assert len(first) == len(second) == 32
    assert first != second


@pytest.mark.parametrize(
    ("parts", "others"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("", "a")),
        (("a",), ("a", "")),
        ((), ("",)),
        (("identity", "1"), ("identity1",)),
        (("\0\0\0\1a",), ("a",)),
    ],
)
def test_a_keyed_hash_knows_where_its_parts_end(parts: tuple[str, ...], others: tuple[str, ...]) -> None:
    assert keyed_hash(b"key", *parts) != keyed_hash(b"key", *others)


def test_a_keyed_hash_needs_its_key() -> None:
    assert keyed_hash(b"key", "a") == keyed_hash(b"key", "a")
    assert keyed_hash(b"key", "a") != keyed_hash(b"another", "a")
    assert len(keyed_hash(b"key", "a")) == 32


def test_tokens_are_long_different_and_stored_hashed() -> None:
    first, second = new_token(), new_token()
    assert first != second
    assert len(first) >= 43  # 256 bits in base64
    assert len(token_hash(first)) == 32
    assert token_hash(first) != token_hash(second)
    assert first.encode() not in token_hash(first)


@pytest.mark.parametrize(
    ("left", "right", "are_same"), [("a", "a", True), ("a", "b", False), ("", "", True), ("医", "医", True)]
)
def test_comparing_in_constant_time_compares(left: str, right: str, *, are_same: bool) -> None:
    assert same(left, right) is are_same


def test_a_token_that_is_no_text_is_just_not_the_same() -> None:
    # aiohttp gives the byte 0xFF of a header as this lone surrogate
    assert not same("\udcff", "a")


def test_a_visitors_cookie_that_is_no_text_can_be_hashed_with_a_key() -> None:
    assert keyed_hash(b"key", "csrf", "\udcff") != keyed_hash(b"key", "csrf", "a")


def test_a_cookie_that_is_no_text_is_just_a_token_nobody_has() -> None:
    assert token_hash("\udcff") != token_hash("a")
