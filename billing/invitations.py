"""The form that invites an administrator, limited to what the inviter may grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.models import Group, Permission
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.models import Account, Administrator
from billing.permissions import CUSTOMER_PERMISSIONS, PERMISSION_WORDS

# Only the stubs of Django's classes take a type argument.
if TYPE_CHECKING:
    AdministratorForm = forms.ModelForm[Administrator]
    PermissionField = forms.ModelMultipleChoiceField[Permission]
else:
    AdministratorForm = forms.ModelForm
    PermissionField = forms.ModelMultipleChoiceField


def grantable_permissions(inviter: Administrator) -> QuerySet[Permission]:
    """Return the permissions of a customer's administrator that the inviter holds, and so may grant."""
    words = Q(pk__in=[])
    for name in CUSTOMER_PERMISSIONS & inviter.get_all_permissions():
        app_label, codename = name.split(".")
        words |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.filter(words).select_related("content_type")


def grantable_groups(inviter: Administrator) -> QuerySet[Group]:
    """Return all groups for superusers; for others, the groups that hold only permissions they may grant."""
    if inviter.is_superuser:
        return Group.objects.all()
    held = Group.permissions.through.objects.filter(group=OuterRef("pk"))
    beyond = held.exclude(permission__in=grantable_permissions(inviter))
    return Group.objects.filter(Exists(held), ~Exists(beyond))


class PermissionChoiceField(PermissionField):
    """Labels permissions with the words that administrators know."""

    def label_from_instance(self, obj: Any) -> str:
        """Return `Billing > Subscription > View` instead of `Can view subscription`."""
        return PERMISSION_WORDS.get(f"{obj.content_type.app_label}.{obj.codename}", str(obj.name))


class InvitationForm(AdministratorForm):
    """A new administrator with accounts and permissions, but no password: the invitation links to a page for that."""

    inviter: ClassVar[Administrator]

    member_of = forms.ModelMultipleChoiceField(
        Account.objects.none(),
        label="Accounts",
        required=False,
        widget=FilteredSelectMultiple("accounts", is_stacked=False),
        help_text="Whose reports they will see.",
    )
    user_permissions = PermissionChoiceField(
        Permission.objects.none(), label="Permissions", required=False, widget=forms.CheckboxSelectMultiple
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, help_text="For platform staff."
    )

    class Meta:
        model = Administrator
        fields = ["email", "name", "member_of", "user_permissions", "groups", "is_platform_staff"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "member_of": Account.objects.visible_to(self.inviter),
            "user_permissions": grantable_permissions(self.inviter),
            "groups": grantable_groups(self.inviter),
        }
        for name, queryset in choices.items():
            field = self.fields[name]
            if isinstance(field, forms.ModelMultipleChoiceField):
                field.queryset = queryset

    def clean(self) -> dict[str, Any] | None:
        """Require at least one account, except for platform staff."""
        cleaned = super().clean()
        if not self.cleaned_data.get("member_of") and not self.cleaned_data.get("is_platform_staff"):
            self.add_error("member_of", "Choose at least one account.")
        return cleaned
