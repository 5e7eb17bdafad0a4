"""The one error of the verifier that says something of the picture and nothing of the verifier."""


class UnreadableImage(ValueError):
    """These bytes can't be read as a picture; `reason` says why, in English, for logs.

    The same bytes will fail again, so there is nothing to retry.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
