"""Questions of many, answered together."""

import asyncio
from collections.abc import Sequence

import pytest

from exam_service.together import Together


class Squares:
    """Answers with squares, and remembers what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun = asyncio.Event()

    async def of(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.begun.set()
        await asyncio.sleep(0)
        if 0 in numbers:
            raise ZeroDivisionError
        return [number**2 for number in numbers]


async def test_who_asks_within_a_moment_is_answered_together_each_with_their_own() -> None:
    squares = Squares()
    together = Together(squares.of, seconds=0.01)
    assert await asyncio.gather(*(together.ask(number) for number in (3, 1, 3, 2))) == [9, 1, 9, 4]
    assert await together.ask(5) == 25
    assert squares.asked == [[3, 1, 3, 2], [5]]


async def test_who_asks_while_others_are_answered_is_asked_for_next() -> None:
    squares = Squares()
    together = Together(squares.of, seconds=0)

    async def later() -> int:
        await squares.begun.wait()
        return await together.ask(4)

    assert await asyncio.gather(together.ask(3), later()) == [9, 16]
    assert squares.asked == [[3], [4]]


async def test_who_hangs_up_does_not_take_the_others_along() -> None:
    squares = Squares()
    together = Together(squares.of, seconds=0.01)
    leaves, stays = asyncio.create_task(together.ask(1)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    leaves.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_a_failure_is_everybodys_and_passes() -> None:
    squares = Squares()
    together = Together(squares.of, seconds=0.01)
    answers = await asyncio.gather(together.ask(0), together.ask(1), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
    assert await together.ask(2) == 4
