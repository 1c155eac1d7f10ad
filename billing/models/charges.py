"""Charges, the licence types under which logins are billed."""

from django.db import models

from billing.models.identifiers import IdentifierField
from billing.models.uploaded import UploadedModel


class Charge(UploadedModel):
    """A licence type, with the name that reports use (`CX 2 Named`) and the basis of its billing."""

    class Basis(models.TextChoices):
        """What the invoice counts for a charge."""

        NAMED = "named", "named"
        CONCURRENT = "concurrent", "concurrent"
        HOURLY = "hourly", "hourly"
        DEVICE = "device", "device"

    name = IdentifierField(max_length=255, unique=True, db_collation="C")
    basis = models.CharField(max_length=10, choices=Basis.choices)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(basis__in=["named", "concurrent", "hourly", "device"]),
                name="charge_has_known_basis",
                violation_error_message="The basis must be named, concurrent, hourly or device.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
