"""Every address of the admin, for every sort of administrator, with one's own, another's and a missing object."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import URLPattern, reverse
from django.urls.exceptions import NoReverseMatch

from tests.addresses import MISSING
from tests.admin.objects import World, make_world
from tests.people import client_of, make_role

pytestmark = pytest.mark.django_db

NO_ROLE: frozenset[str] = frozenset()
SUPERUSERS = frozenset({"superuser"})
WRITERS = SUPERUSERS | {"operator"}
READERS = WRITERS | {"support"}
UPLOADERS = WRITERS | {"customer who uploads", "customer granted everything"}
CUSTOMERS = frozenset(
    {
        "customer",
        "customer who views",
        "customer with all permissions",
        "customer who uploads",
        "customer granted everything",
    }
)
ROLES = ["anonymous", *sorted(CUSTOMERS), "idle staff", "support", "operator", "superuser"]

# Who views, adds, changes and deletes. Models that are not listed have no pages.
MODELS = {
    "auth_group": (SUPERUSERS, SUPERUSERS, SUPERUSERS, SUPERUSERS),
    "billing_account": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_administrator": (READERS, WRITERS, WRITERS, NO_ROLE),
    "billing_charge": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_rate": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_ratesheet": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_ratesheetversion": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_subscription": (READERS, WRITERS, WRITERS, WRITERS),
    "billing_usagegroup": (READERS, WRITERS, WRITERS, WRITERS),
    "usage_call": (READERS, NO_ROLE, NO_ROLE, NO_ROLE),
    "usage_device": (READERS, NO_ROLE, NO_ROLE, NO_ROLE),
    "usage_loginsession": (READERS, NO_ROLE, NO_ROLE, NO_ROLE),
    "usage_resource": (READERS, WRITERS, WRITERS, WRITERS),
    "usage_resourceusage": (READERS, NO_ROLE, NO_ROLE, NO_ROLE),
    "usage_upload": (READERS | UPLOADERS, UPLOADERS, NO_ROLE, NO_ROLE),
    "usage_user": (READERS, NO_ROLE, NO_ROLE, NO_ROLE),
}
# Uploaded models can be exported by everyone who may view their list. Nothing is imported.
EXPORTED = {
    "billing_account",
    "billing_charge",
    "billing_rate",
    "billing_subscription",
    "usage_call",
    "usage_device",
    "usage_loginsession",
    "usage_resource",
    "usage_resourceusage",
    "usage_user",
}
# Further pages, and who sees them; of an upload's files, those that exist.
OTHER_PAGES = {
    "usage_upload": {
        **dict.fromkeys(["progress", "file", "errors", "notices", "rows_in_error"], READERS | UPLOADERS),
        "undo": UPLOADERS,
    },
}
# File formats, for everyone who sees uploads.
KIND_PAGES = {
    "usage_upload_kinds": (),
    "usage_upload_kind": ("calls",),
    "usage_upload_example": ("calls", "csv"),
}
# Addresses of the site itself: for everyone who is signed in, except where noted; sign-in and sign-out are for all.
SITE = {
    "index": {
        "default": 302,
        "customer who uploads": 200,
        "support": 200,
        "operator": 200,
        "superuser": 200,
        "idle staff": 200,
    },
    "login": {"default": 302, "anonymous": 200},
    "logout": {"default": 405, "anonymous": 302},
    "password_change": {"default": 200, "anonymous": 302},
    "password_change_done": {"default": 200, "anonymous": 302},
    "autocomplete": {"default": 403, "anonymous": 302},
    "jsi18n": {"default": 200, "anonymous": 302},
    "app_list": None,
}


def site_patterns() -> Iterator[URLPattern]:
    """Yield the addresses of the admin, those of its models without nesting."""
    for pattern in admin.site.get_urls():
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from (nested for nested in pattern.url_patterns if isinstance(nested, URLPattern))


def test_every_address_of_the_admin_has_a_line_in_the_table() -> None:
    actions = ("changelist", "add", "change", "delete", "history")
    known = {f"{model}_{action}" for model in MODELS for action in actions}
    known |= {*KIND_PAGES, *SITE} | {f"{model}_export" for model in EXPORTED}
    known |= {f"{model}_{page}" for model, pages in OTHER_PAGES.items() for page in pages}
    # Two have no name: the old address of a change page, which redirects to the new one, and the catch-all, a 404.
    assert {pattern.name for pattern in site_patterns() if pattern.name} == known


def test_no_address_leads_to_any_object_by_its_number() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:view_on_site", args=[1, 1])
    assert client_of(make_role("superuser")).get("/admin/r/1/1/").status_code == 404


def lines(world: World, role: str) -> Iterator[tuple[str, int]]:
    """Yield each address with the status of the role's answer."""
    for model, (viewers, adders, changers, deleters) in MODELS.items():
        yield reverse(f"admin:{model}_changelist"), status(role, viewers)
        yield reverse(f"admin:{model}_add"), status(role, adders)
        if model in EXPORTED:
            yield reverse(f"admin:{model}_export"), status(role, viewers)
        objects = {"own": world.own.get(model), "other's": world.others.get(model), "shared": world.shared.get(model)}
        for whose, found in [*objects.items(), ("missing", None)]:
            if found is None and whose != "missing":
                continue
            if whose == "other's" and role not in CUSTOMERS:
                continue  # staff see all accounts alike
            number = found.pk if found else (MISSING if model == "usage_upload" else 0)
            is_visible = whose == "own" or (whose != "missing" and role not in CUSTOMERS)
            if model == "billing_administrator" and role in CUSTOMERS:
                is_visible = False  # a colleague is another administrator
            pages = {"change": viewers | changers, "history": viewers, "delete": deleters, **OTHER_PAGES.get(model, {})}
            for page, allowed in pages.items():
                expected = status(role, allowed) if is_visible or role == "anonymous" else 404
                if page in {"errors", "notices", "rows_in_error"} and role in viewers:
                    expected = 404  # it has none
                yield reverse(f"admin:{model}_{page}", args=[number]), expected


def lines_of_kinds(role: str) -> Iterator[tuple[str, int]]:
    """Yield the same as `lines` for the pages about file formats."""
    for name, arguments in KIND_PAGES.items():
        yield reverse(f"admin:{name}", args=arguments), status(role, READERS | UPLOADERS)


def status(role: str, allowed: frozenset[str]) -> int:
    """Return 200, 302 to the sign-in, or 403."""
    if role == "anonymous":
        return 302
    return 200 if role in allowed else 403


# No permission opens other pages to customers: a customer with all permissions stands for all of them.
LIKE_WHO_WAS_GRANTED_EVERYTHING = {"customer who views", "customer with all permissions"}


@pytest.mark.parametrize("role", [role for role in ROLES if role not in LIKE_WHO_WAS_GRANTED_EVERYTHING])
def test_each_role_is_answered_as_the_table_says(role: str) -> None:
    world = make_world()
    client = client_of(None if role == "anonymous" else make_role(role, world.account))
    expected, answered = {}, {}
    for address, code in [*lines(world, role), *lines_of_kinds(role)]:
        expected[address] = code
        answered[address] = client.get(address).status_code
        # An object that others depend on is not deleted: the answer leads back to its page.
        if address.endswith("/delete/") and code == 200 and answered[address] == 302:
            answered[address] = 200
    assert {a: code for a, code in answered.items() if code != expected[a]} == {}


@pytest.mark.parametrize("role", ROLES)
def test_the_pages_of_the_site_itself_answer_each_role(role: str) -> None:
    client = client_of(None if role == "anonymous" else make_role(role))
    for name, answers in SITE.items():
        if answers is None:
            continue
        assert client.get(reverse(f"admin:{name}")).status_code == answers.get(role, answers["default"]), name


def test_a_customer_finds_no_section_of_the_admin() -> None:
    client = client_of(make_role("customer with all permissions"))
    assert client.get(reverse("admin:app_list", args=["billing"])).status_code == 404
    assert client.get(reverse("admin:app_list", args=["usage"])).status_code == 404
    assert client.get("/admin/nothing/").status_code == 404


@pytest.mark.parametrize("role", ["customer", "customer granted everything"])
def test_a_customer_is_refused_every_form_that_adds_changes_or_deletes(role: str) -> None:
    world = make_world()
    client = client_of(make_role(role, world.account))
    for model in MODELS:
        for page in ("add", "change", "delete"):
            if model == "usage_upload" and page == "add":
                continue
            for found in filter(None, [world.own.get(model), world.others.get(model), world.shared.get(model)]):
                address = reverse(f"admin:{model}_{page}", args=[] if page == "add" else [found.pk])
                assert client.post(address, {"post": "yes", "name": "Mine"}).status_code in {403, 404}, address
                found.refresh_from_db()


@pytest.mark.parametrize("role", sorted(CUSTOMERS - {"customer who uploads", "customer granted everything"}))
def test_a_customer_without_the_permission_cannot_upload(role: str) -> None:
    world = make_world()
    client = client_of(make_role(role, world.account))
    assert client.post(reverse("admin:usage_upload_add"), {"kind": "calls"}).status_code == 403
