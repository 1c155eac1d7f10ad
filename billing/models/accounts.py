"""Accounts: the customer organizations, and who may see them."""

from typing import TYPE_CHECKING, Self

from django.db import models

from billing.models.identifiers import IdentifierField
from billing.models.uploaded import UploadedModel

if TYPE_CHECKING:
    from billing.models.administrators import Administrator


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, administrator: "Administrator") -> Self:
        """Return every account for platform staff; for others, the accounts that they are members of."""
        if not administrator.is_active:
            return self.none()
        if administrator.is_platform_staff:
            return self
        return self.filter(memberships__administrator=administrator)


class Account(UploadedModel):
    code = IdentifierField(
        max_length=255, unique=True, db_collation="C", help_text="The name by which uploads refer to the account."
    )
    name = models.CharField(max_length=255)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "code"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(code=""),
                name="account_has_code",
                violation_error_message="An account needs a code.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
