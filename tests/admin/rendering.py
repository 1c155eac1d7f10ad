"""Render pages in a separate process: read administrators and addresses from stdin, write the pages to stdout.

Both are JSON: `[[administrator or null, address], ...]` and `[[status, page], ...]`.
"""

import json
import sys

import django
from django.contrib.auth import get_user_model
from django.test import Client


def main() -> None:
    django.setup()
    answers = []
    for number, address in json.load(sys.stdin):
        client = Client()
        if number is not None:
            client.force_login(get_user_model()._default_manager.get(pk=number))
        answer = client.get(address, follow=True)
        answers.append([answer.status_code, "" if answer.streaming else answer.content.decode(errors="replace")])
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "reports")
    assert not loaded, loaded
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
