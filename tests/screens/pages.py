"""The text of pages, without markup."""

import re
from typing import Any


def markup(html: str) -> str:
    """Return markup with single spaces, however the lines of its template are broken."""
    return re.sub(r"\s+", " ", html)


def words(response: Any) -> str:
    """Return the main text of a page without tags and with single spaces."""
    main = response.content.decode().partition('id="content-start"')[2]
    text = re.sub(r"<[^>]+>", " ", main)
    for entity, character in (("&amp;", "&"), ("&#x27;", "'"), ("&lt;", "<"), ("&quot;", '"')):
        text = text.replace(entity, character)
    return re.sub(r"\s+", " ", text)
