"""Keys, references and addresses: invisible characters are trimmed at both ends, and refused inside."""

import unicodedata
from importlib import import_module
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.identifiers import INVISIBLE, odd_character, trimmed
from billing.models import Account, Charge, RateSheet, Subscription
from tests.factories import make_account, make_charge, make_entity
from tests.profiles import examples
from tests.usage_files import NOW, counts, table, upload
from usage.models import Call, Entity, EntityKind, LoginSession, Resource, UploadKind
from usage.resources.batches import UploadContext
from usage.staging.stage import stage

pytestmark = pytest.mark.django_db

SESSION = "CX 1,2026-02-04T09:00:00Z,2026-02-04T10:00:00Z"
CELLS = ["sip_call_id", "origin", "destination", "usage_group", "call_type", "direction"]
CALL = "2026-03-01T09:00:00Z,2026-03-01T10:00:00Z"
NAMED = [0x200B, 0x200F, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0xFEFF, 0xAD, 0xA0, 0x2003, 0x3000, 0x2028, 0x09, 0x0A]
ODD = st.sampled_from(INVISIBLE.replace(" ", ""))


def quoted(*cells: str) -> str:
    """Return a row of quoted cells."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def test_the_named_characters_are_invisible() -> None:
    ranges = [(0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2060), (0x2066, 0x2069)]
    listed = {0xFEFF, 0xAD} | {code for first, last in ranges for code in range(first, last + 1)}
    spaces = {code for code in range(1, 0x11000) if unicodedata.category(chr(code)) in {"Zs", "Zl", "Zp"}}
    assert {chr(code) for code in listed | spaces} <= set(INVISIBLE)
    assert not any(one.isprintable() and one != " " and unicodedata.category(one) != "Lo" for one in INVISIBLE)


@pytest.mark.parametrize("code", NAMED, ids="U+{:04X}".format)
def test_one_user_stays_one_user(code: int) -> None:
    account = make_account()
    make_charge(name="CX 1")
    rows = [f"s1,ana@x.example,{SESSION}", quoted("s2", f"ana@x.example{chr(code)}", *SESSION.split(","))]
    context = UploadContext(UploadKind.SESSIONS, account, NOW, creates_users=True)
    with stage(BytesIO(table("sessions", *rows).encode()), context) as staged:
        assert staged.apply().counts == counts(2, new=2)
    assert Entity.objects.get().identifier == "ana@x.example"
    assert LoginSession.objects.count() == 2


@pytest.mark.parametrize("code", NAMED, ids="U+{:04X}".format)
def test_inside_a_key_they_are_refused_and_shown(code: int) -> None:
    for kind, header, column, row in (
        ("accounts", "code,name", "code", ("AC{}ME", "Acme")),
        ("charges", "name,basis", "name", ("AC{}ME", "named")),
        ("resources", "name,unit", "name", ("AC{}ME", "GB")),
    ):
        text = f"{header}\n{quoted(*row).format(chr(code))}\n"
        reason = f'The character U+{code:04X} after "AC" cannot be seen: delete it, or type a space in its place.'
        assert upload(kind=kind, text=text).reasons == [(2, column, reason)]


@pytest.mark.parametrize("column", range(6), ids=CELLS)
def test_the_cells_of_a_call_are_trimmed_of_them(column: int) -> None:
    cells = ["c1", "+1415", "+4420", "US FIXED", "voice mail", "Inbound"]
    spoilt = [f"\ufeff\u202d {cell}\u00a0\u202c" if place == column else cell for place, cell in enumerate(cells)]
    text = table("calls", quoted(*spoilt, *CALL.split(",")))
    assert upload(kind="calls", text=text, account=make_account()).reasons == []
    assert list(Call.objects.values_list(*CELLS)) == [tuple(cells)]


def test_a_phone_number_and_free_text_may_have_them_inside() -> None:
    text = table(
        "calls", quoted("c1", "+44\u00a020", "+1\u2011415\u2009555", "US", "voice", "Inbound", *CALL.split(","))
    )
    assert upload(kind="calls", text=text, account=make_account()).reasons == []
    assert Call.objects.get().origin == "+44\u00a020"
    rows = quoted("ana@x", "\u0645\u06cc\u200c\u062e\u200f", "R\u00adD")
    assert upload(kind="users", text=f"email,name,division\n{rows}\n", account=make_account()).reasons == []
    assert Entity.objects.values_list("name", "division").get() == ("\u0645\u06cc\u200c\u062e\u200f", "R\u00adD")


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("Ana <ana@x.example>", "it has brackets"),
        ("ana@x.example (work)", "it has brackets"),
        ("[ana@x.example]", "it has brackets"),
        ("mailto:ana@x.example", "it begins with mailto:"),
        ("MAILTO:ana@x.example", "it begins with mailto:"),
        ("ana@x.example;bo@x.example", "there is more than one @, or a semicolon"),
        ("ana@x.example;", "there is more than one @, or a semicolon"),
        ("ana@x@example", "there is more than one @, or a semicolon"),
        ("ana @x.example", "there is a space inside"),
        ("ana\u00a0@x.example", 'The character U+00A0 after "ana" cannot be seen: delete it.'),
        ("ana@x\u200b.example", 'The character U+200B after "ana@x" cannot be seen: delete it.'),
        ("ana\u00ad.lee@x.example", "U+00AD"),
        ("ana", "This is not an e-mail address. Write one address alone, such as ana@example.com."),
    ],
)
def test_an_address_is_one_address_alone(written: str, part: str) -> None:
    result = upload(kind="users", text=f"email\n{quoted(written)}\n", account=make_account())
    assert [(line, column) for line, column, _reason in result.reasons] == [(2, "email")]
    assert part in result.errors[0].reason


@pytest.mark.parametrize("written", ["o'neil+sms@x.example", "{a}|b@x", '"a"@x.example', "é@ü"])
def test_other_addresses_are_accepted(written: str) -> None:
    assert upload(kind="users", text=f"email\n{quoted(written)}\n", account=make_account()).reasons == []
    assert Entity.objects.get().identifier == written


def test_an_address_is_known_however_its_accents_are_composed() -> None:
    account = make_account()
    make_charge(name="CX 1")
    composed, decomposed = "Zoë@x.example", unicodedata.normalize("NFD", "ZOË@x.example")
    assert composed != decomposed
    assert upload(kind="users", text=f"email\n{composed}\n{decomposed}\n", account=account).counts == counts(
        2, new=1, unchanged=1
    )
    assert Entity.objects.get().identifier == "zoë@x.example"
    sessions = table("sessions", f"s1,{composed},{SESSION}", f"s2,{decomposed},{SESSION}")
    assert upload(kind="sessions", text=sessions, account=account).counts == counts(2, new=2)


def test_addresses_known_from_earlier_versions_are_composed() -> None:
    account, other = make_account(), make_account()
    composed, decomposed = "zoë@x.example", unicodedata.normalize("NFD", "zoë@x.example")
    alone = make_entity(account=account, identifier=decomposed)
    twice = [make_entity(account=other, identifier=form) for form in (composed, decomposed)]
    device = make_entity(account=account, identifier=f"1{decomposed}", kind=EntityKind.DEVICE)
    with connection.cursor() as cursor:
        cursor.execute(import_module("usage.migrations.0008_composed_addresses").COMPOSE)
    found = dict(Entity.objects.values_list("pk", "identifier"))
    assert found[alone.pk] == composed
    assert [found[entity.pk] for entity in twice] == [composed, decomposed]
    assert found[device.pk] == f"1{decomposed}"


def test_a_caller_may_be_withheld() -> None:
    account = make_account()
    text = table("calls", f"c1,,+1415,US,voice,Outbound,{CALL}", f'c2," ",+1415,US,voice,Outbound,{CALL}')
    assert upload(kind="calls", text=text, account=account).counts == counts(2, new=2)
    assert set(Call.objects.values_list("origin", flat=True)) == {""}
    assert upload(kind="calls", text=text, account=account).counts == counts(2, unchanged=2)
    known = table("calls", f"c1,+4420,+1415,US,voice,Outbound,{CALL}")
    assert upload(kind="calls", text=known, account=account).counts == counts(1, changed=1)


def test_references_find_what_they_name() -> None:
    account = make_account(code="ACME")
    make_entity(account=account, identifier="DESK 1", kind=EntityKind.DEVICE)
    make_charge(name="CX 1")
    row = quoted("\u200eACME", "s1\u200f", "\u2067DESK 1\u2069", "CX 1\u00a0", *SESSION.split(",")[1:])
    text = f"account,{table('sessions').strip()}\n{row}\n"
    assert upload(kind="sessions", text=text).counts == counts(1, new=1)
    assert LoginSession.objects.get().session_id == "s1"


def test_headings_are_known_with_invisible_characters() -> None:
    assert upload(kind="accounts", text="\u200bco\u00adde\u200e,\u00a0NA\u2060ME\nACME,Acme\n").counts == counts(
        1, new=1
    )


@pytest.mark.parametrize(
    "instance",
    [
        Account(name="Acme"), Charge(basis="named"), Resource(unit="GB"), RateSheet(),
        Subscription(currency="USD"),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_forms_hold_to_the_same_rule(instance: Any) -> None:
    name = next(name for name in ("code", "number", "name") if hasattr(instance, name))
    others = {field.name for field in instance._meta.fields} - {name}
    setattr(instance, name, "\u200e AC ME\u00a0")
    instance.clean_fields(exclude=others)
    assert getattr(instance, name) == "AC ME"
    setattr(instance, name, "AC\u200bME")
    with pytest.raises(ValidationError, match=r"U\+200B"):
        instance.clean_fields(exclude=others)


class Identifiers(TestCase):
    """What the database does with identifiers is what Python does in forms."""

    @settings(max_examples=examples(20))
    @given(
        codes=st.lists(
            st.text(st.one_of(ODD, st.characters(codec="utf-8", exclude_characters="\x00'")), min_size=1, max_size=6),
            min_size=1,
            max_size=6,
        )
    )
    def test_they_are_trimmed_and_refused_alike(self, codes: list[str]) -> None:
        rows = [quoted(f"{number}{code}{number}", code + ".") for number, code in enumerate(codes)]
        result = upload(kind="accounts", text="\n".join(["code,name", *rows]), skip_errors=True)
        refused = {line: reason for line, column, reason in result.reasons if column == "code"}
        for line, code in enumerate(codes, start=2):
            found = odd_character(code)
            assert (line in refused) == bool(found)
            assert not found or f"The character {found} after" in refused[line]

    @settings(max_examples=examples(20))
    @given(
        code=st.text(st.characters(codec="utf-8", exclude_characters=f"\x00'#=@+-{INVISIBLE}"), min_size=1, max_size=6),
        before=st.text(st.sampled_from(INVISIBLE), max_size=3),
        after=st.text(st.sampled_from(INVISIBLE), max_size=3),
    )
    def test_both_ends_are_trimmed(self, code: str, before: str, after: str) -> None:
        assert trimmed(f"{before}{code}{after}") == code
        result = upload(kind="devices", text=f"device_id\n{quoted(f'{before}{code}{after}')}\n", account=make_account())
        assert result.reasons == []
        assert Entity.objects.get().identifier == code

    @settings(max_examples=examples(20))
    @given(local=st.text(st.characters(codec="utf-8", exclude_characters=f"\x00'@<>()[];#=+-{INVISIBLE}"), min_size=1))
    def test_addresses_are_composed_and_in_lower_case(self, local: str) -> None:
        account = make_account()
        address = f"x{local[:20]}@x.example"
        forms = [address, unicodedata.normalize("NFD", address), unicodedata.normalize("NFC", address)]
        text = "\n".join(["email", *(quoted(form) for form in dict.fromkeys(forms))])
        assert upload(kind="users", text=text, account=account).reasons == []
        assert unicodedata.is_normalized("NFC", Entity.objects.get(account=account).identifier)
