"""Questions of many, answered together: a crowd of pages asks the same thing, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """One call of ``answer`` for all that is asked within ``seconds``, whoever asks.

    ``answer`` gets the questions in the order they came and gives an answer to each, in that order. What it
    raises, all of them get.
    """

    def __init__(
        self, answer: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], *, seconds: float
    ) -> None:
        self._answer = answer
        self._seconds = seconds
        self._questions: list[Question] = []
        self._answering: asyncio.Task[Sequence[Answer]] | None = None

    async def ask(self, question: Question) -> Answer:
        place = len(self._questions)
        self._questions.append(question)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_all())
        answers = await asyncio.shield(self._answering)  # who hangs up doesn't take the others along
        return answers[place]

    async def _answer_all(self) -> Sequence[Answer]:
        await asyncio.sleep(self._seconds)
        questions, self._questions, self._answering = self._questions, [], None
        return await self._answer(questions)
