"""What goes wrong with the embedded servers, in one sentence that a person can act on."""


class EmbeddedError(Exception):
    """The embedded servers cannot be used; its text is one clear message for the terminal."""
