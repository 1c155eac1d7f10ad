"""Saves the administrators who sign in to the demo, with their accounts and permissions."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission

from billing.models import Account, Administrator, Membership
from demo.sign_ins import PASSWORD, PEOPLE, SignIn


def add_administrators() -> int:
    """Save the missing sign-ins and return how many there were. Existing administrators are left as they are."""
    present = set(Administrator.objects.values_list("email", flat=True))
    missing = [person for person in PEOPLE if person.email not in present]
    if missing:
        hashed = make_password(PASSWORD)  # slow by design, and one hash will do for a password that everyone knows
        for person in missing:
            _add(person, hashed)
    return len(missing)


def _add(person: SignIn, hashed: str) -> None:
    administrator = Administrator.objects.create(
        email=person.email,
        password=hashed,
        name=person.name,
        is_platform_staff=not person.accounts,
        is_superuser=person.is_superuser,
    )
    for code in person.accounts:
        Membership.objects.create(administrator=administrator, account=Account.objects.get(code=code))
    administrator.groups.set([Group.objects.get(name=name) for name in person.groups])
    administrator.user_permissions.set([_permission(word) for word in person.permissions])


def _permission(word: str) -> Permission:
    """Return the permission with the name `app_label.codename`."""
    app_label, codename = word.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)
