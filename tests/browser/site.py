"""The web site as a test drives it."""

from django.conf import settings
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page

from billing.models import Administrator

PASSWORD = "a long enough one"


class Site:
    """A browser window. `complaints` are the errors on its console and those that its scripts raised."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Collect the errors of a page."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> None:
        """Go to an address of the site."""
        self.page.goto(self.url + path)

    def sign_in(self, administrator: Administrator, path: str = "/admin/") -> None:
        """Go to an address with the session of a signed-in administrator."""
        client = Client()
        client.force_login(administrator)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}])
        self.open(path)

    def sign_in_by_form(self, administrator: Administrator, path: str = "/admin/", *, password: str = PASSWORD) -> None:
        """Sign in as a person does, on the way to an address."""
        self.open(path)
        self.page.get_by_label("E-mail address").fill(administrator.email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


def ask(page: Page, title: str) -> None:
    """Choose a report type and order the report, once the page's script has loaded."""
    page.get_by_role("radio", name=title).check()
    page.wait_for_load_state("domcontentloaded")
    page.get_by_role("button", name="Download Usage Data").click()
