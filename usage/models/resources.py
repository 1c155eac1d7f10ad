"""Resources: billable things consumed by quantity, how much of each a licence includes, and how much was used."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast

from billing.models import Account, Administrator, Charge, UploadedModel
from billing.models.amounts import finite
from billing.models.identifiers import IdentifierField


class Resource(UploadedModel):
    """A billable thing consumed by quantity: IVR overage minutes, data storage, SMS, API requests, BYOC minutes."""

    name = IdentifierField(max_length=255, unique=True, db_collation="C")
    unit = models.CharField(max_length=255)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Allowance(models.Model):
    """The quantity of a resource that each billable licence of a charge includes in a billing cycle (fair use)."""

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="allowances")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="allowances")
    quantity = models.DecimalField(max_digits=20, decimal_places=6)

    class Meta:
        ordering = ["resource__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["charge", "resource"],
                name="charge_has_one_allowance_of_a_resource",
                violation_error_message="The charge already has an allowance of this resource.",
            ),
            models.CheckConstraint(condition=finite("quantity"), name="allowance_is_a_finite_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} {self.resource.unit} of {self.resource} with {self.charge}"


class ResourceUsageQuerySet(models.QuerySet["ResourceUsage"]):
    def visible_to(self, administrator: Administrator) -> Self:
        """Return the usage of the accounts that the administrator may see."""
        return self.filter(account__in=Account.objects.visible_to(administrator))

    def used_within(self, period: tuple[datetime, datetime]) -> Self:
        """Return the usage on the days of a half-open period."""
        return self.filter(used_on__gte=period[0].date(), used_on__lt=period[1].date())


class ResourceUsage(UploadedModel):
    """The quantity of a resource that an account consumed on a day."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="resource_usage")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, db_index=False, related_name="usage")
    used_on = models.DateField("day")
    quantity = models.DecimalField(max_digits=20, decimal_places=6)

    objects = ResourceUsageQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "resource usage"
        ordering = ["-used_on", "resource__name"]
        constraints = [
            # resource-usage reads an account's range of days by this index.
            models.UniqueConstraint(fields=["account", "used_on", "resource"], name="resource_is_used_once_a_day"),
            models.CheckConstraint(condition=finite("quantity"), name="resource_usage_is_a_finite_amount"),
            models.CheckConstraint(
                condition=Q(used_on__gt=Cast(Value("-infinity"), models.DateField()))
                & Q(used_on__lt=Cast(Value("infinity"), models.DateField())),
                name="resource_usage_is_on_a_finite_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} on {self.used_on}"
