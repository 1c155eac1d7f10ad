"""The people who can sign in to the demo. Their password is public, and only good for demo data."""

from dataclasses import dataclass

PASSWORD = "count-every-call"  # noqa: S105 - printed at the start of the demo, which listens only on the loopback address


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person of the demo: `accounts` by code, `permissions` as `app_label.codename`, `groups` by name.

    A person without accounts is platform staff.
    """

    email: str
    name: str
    what: str
    accounts: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    is_superuser: bool = False


PEOPLE = (
    SignIn(
        "ana@acme.example",
        "Ana Pérez",
        "a customer's billing administrator: downloads reports",
        accounts=("ACME",),
        permissions=("billing.view_subscription",),
    ),
    SignIn(
        "bruno@nordlicht.example",
        "Bruno Großmann",
        "a customer with Billing > All Permissions",
        accounts=("NORDLICHT",),
        permissions=("billing.all_permissions",),
    ),
    SignIn(
        "carla@acme.example",
        "Carla O'Brien",
        "a customer with two accounts",
        accounts=("ACME", "HARBOUR"),
        permissions=("billing.add_subscription",),
    ),
    SignIn(
        "luc@lumiere.example",
        "Luc Moreau",
        "a customer whose subscription began on the day of the first start",
        accounts=("LUMIERE",),
        permissions=("billing.view_subscription",),
    ),
    SignIn("dev@acme.example", "Dev Sharma", "a customer without any permission: sees no report", accounts=("ACME",)),
    SignIn(
        "ops@tallydesk.example",
        "Olivia Ops",
        "platform staff, Operators: uploads, rates, subscriptions, accounts",
        groups=("Operators",),
    ),
    SignIn(
        "support@tallydesk.example",
        "Samir Support",
        "platform staff, Support: sees every account, changes nothing",
        groups=("Support",),
    ),
    SignIn("admin@tallydesk.example", "Ada Admin", "superuser: everything", is_superuser=True),
)

# (e-mail address, password, what this person is there to show)
SIGN_INS: list[tuple[str, str, str]] = [(person.email, PASSWORD, person.what) for person in PEOPLE]
