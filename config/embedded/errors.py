"""The error of the embedded servers."""


class EmbeddedError(Exception):
    """Raised when the embedded servers cannot be used; the message says for people what to do."""
