"""The one error of the embedded servers; it is for whoever started the service, so it quotes the log."""

from pathlib import Path

_TAIL_LINES = 20
_TAIL_BYTES = 16_384


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot be started, reached or found; the sentence says what to do about it.

    ``log_tail`` holds the last lines of the server's log (at most 20), empty where there is none. It is part
    of the message too, because a traceback is all that some people will send us.
    """

    def __init__(self, sentence: str, *, log: Path | None = None) -> None:
        self.log_tail = _last_lines(log) if log is not None else ""
        quoted = f"\nThe last lines of {log}:\n{self.log_tail}" if self.log_tail else ""
        super().__init__(sentence + quoted)


def _last_lines(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
