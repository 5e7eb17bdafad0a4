import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.crypto.envelope import BadEnvelope, DataKey, open_envelope, seal
from exam_service.crypto.hashes import keyed_hash

keys = st.builds(DataKey, st.uuids(), st.binary(min_size=32, max_size=32))
parts = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=4)


@given(key=keys, plain=st.binary(max_size=300), row_id=st.uuids())
def test_whatever_is_sealed_opens_again(key: DataKey, plain: bytes, row_id: object) -> None:
    assert open_envelope(key, seal(key, plain, row_id), row_id) == plain


@given(key=keys, plain=st.binary(max_size=60), row_id=st.uuids(), data=st.data())
def test_an_alteration_anywhere_is_noticed(
    key: DataKey, plain: bytes, row_id: object, data: st.DataObject
) -> None:
    envelope = bytearray(seal(key, plain, row_id))
    position = data.draw(st.integers(0, len(envelope) - 1))
    envelope[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadEnvelope):
        open_envelope(key, bytes(envelope), row_id)


@given(key=keys, garbage=st.binary(max_size=100), row_id=st.uuids())
def test_garbage_is_no_envelope(key: DataKey, garbage: bytes, row_id: object) -> None:
    with pytest.raises(BadEnvelope):
        open_envelope(key, garbage, row_id)


@given(key=st.binary(min_size=1, max_size=32), left=parts, right=parts)
def test_keyed_hashes_are_equal_exactly_when_their_parts_are(
    key: bytes, left: list[str], right: list[str]
) -> None:
    assert (keyed_hash(key, *left) == keyed_hash(key, *right)) == (left == right)


@given(words=st.lists(st.sampled_from("ab"), min_size=1, max_size=6), data=st.data())
def test_the_same_letters_cut_elsewhere_hash_differently(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    first, second = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))
    left, right = (text[:first], text[first:]), (text[:second], text[second:])
    assert (keyed_hash(b"key", *left) == keyed_hash(b"key", *right)) == (first == second)
