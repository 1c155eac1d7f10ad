"""Administrators: the people who sign in, customers' and the platform's own."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now

from billing.models.accounts import Account
from billing.permissions import ALL_PERMISSIONS, REPORT_PERMISSIONS


class AdministratorManager(BaseUserManager["Administrator"]):
    """Creates administrators, and finds them by e-mail address regardless of case."""

    def get_by_natural_key(self, username: str | None) -> "Administrator":
        """Return the administrator who signs in with this e-mail address."""
        return self.get(email=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Administrator":
        """Save a new administrator, who cannot sign in without a password until one is set."""
        administrator = self.model(email=email.strip().lower(), **fields)
        administrator.set_password(password)
        administrator.save(using=self._db)
        return administrator

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Administrator":
        """Save a new administrator who may do everything."""
        return self.create_user(email, password, is_superuser=True, is_platform_staff=True, **fields)


class AdministratorQuerySet(models.QuerySet["Administrator"]):
    def visible_to(self, administrator: "Administrator") -> "AdministratorQuerySet":
        """Return everyone for platform staff; a customer's administrator sees only themselves."""
        if not administrator.is_active:
            return self.none()
        return self if administrator.is_platform_staff else self.filter(pk=administrator.pk)


class Administrator(AbstractBaseUser, PermissionsMixin):
    """A person who signs in to Tallydesk: a customer's administrator, or the platform's staff."""

    email = models.EmailField(
        "e-mail address", unique=True, error_messages={"unique": "There is an administrator with this address."}
    )
    name = models.CharField(max_length=255, blank=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="Clear this instead of deleting the administrator."
    )
    is_platform_staff = models.BooleanField(
        "platform staff",
        default=False,
        help_text="Sees every account. What they may do there follows from their permissions.",
    )
    joined_at = models.DateTimeField(db_default=Now(), editable=False)
    link_sent_at = models.DateTimeField(null=True, editable=False)
    accounts: "models.ManyToManyField[Account, Membership]" = models.ManyToManyField(
        Account, through="Membership", related_name="administrators"
    )

    objects: ClassVar[AdministratorManager] = AdministratorManager.from_queryset(AdministratorQuerySet)()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="administrator_email_is_lower_case",
                violation_error_message="The e-mail address must be in lower case.",
            ),
            models.CheckConstraint(
                condition=models.Q(is_superuser=False) | models.Q(is_platform_staff=True),
                name="superuser_is_platform_staff",
                violation_error_message="A superuser must be platform staff.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Store the address in lower case, since addresses are compared regardless of case."""
        super().clean()
        self.email = self.email.strip().lower()

    @property
    def is_staff(self) -> bool:
        """Django's name for "may open the admin": true for every active administrator, whatever they see there."""
        return self.is_active

    @property
    def may_report(self) -> bool:
        """Whether any of the three billing permissions opens the Subscription screen and the reports."""
        return any(self.has_perm(permission) for permission in REPORT_PERMISSIONS)

    @property
    def may_end_reports_of_others(self) -> bool:
        """Whether they may cancel reports, and delete files, that others requested, where they may have reports."""
        return self.is_platform_staff or self.has_perm(ALL_PERMISSIONS)


class Membership(models.Model):
    """An administrator's access to one account."""

    administrator = models.ForeignKey(Administrator, on_delete=models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ["account__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["administrator", "account"],
                name="administrator_is_member_once",
                violation_error_message="The administrator is already a member of this account.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.administrator} in {self.account}"
