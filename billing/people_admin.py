"""The admin of administrators and groups. People can grant only what they hold themselves."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from billing.invitations import InvitationForm, grantable_groups
from billing.models import Administrator, Membership
from billing.password_links import send_invitation
from billing.scoped_admin import ScopedAdmin, ScopedInline, platform_staff


def is_superuser(request: HttpRequest) -> bool:
    """Return whether the signed-in administrator is a superuser."""
    administrator = platform_staff(request)
    return administrator is not None and administrator.is_superuser


class MembershipInline(ScopedInline):
    """The accounts of an administrator, which only superusers change."""

    model = Membership

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    has_delete_permission = has_change_permission


@admin.register(Administrator)
class AdministratorAdmin(ScopedAdmin):
    """The people who sign in. They are invited and later deactivated, but never deleted: their history stays."""

    section = "People"
    icon = "person"
    list_display = ["email", "name", "is_active", "is_platform_staff", "last_login"]
    list_filter = ["is_active", "is_platform_staff"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    inlines = [MembershipInline]
    actions = ["send_link"]
    filter_horizontal = ["groups", "user_permissions"]
    invitation_fields = ["email", "name", "member_of", "user_permissions"]
    help_texts: ClassVar = {  # Django's own texts say "user", which has another meaning here
        "is_superuser": "May do everything, whatever permissions are granted.",
        "groups": "An administrator has the permissions of all their groups.",
        "user_permissions": "In addition to the groups'. For a customer's administrator, only those for reports count.",
    }
    fields_of_superusers = ["email", "is_platform_staff", "is_superuser", "groups", "user_permissions"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields of an invitation, or of an existing administrator."""
        if obj is None:
            inviter = platform_staff(request)
            groups = ["groups"] if inviter and grantable_groups(inviter).exists() else []
            flags = ["is_platform_staff"] if is_superuser(request) else []
            return [(None, {"fields": [*self.invitation_fields, *groups, *flags]})]
        return [
            (None, {"fields": ["email", "name", "is_active", "joined_at", "last_login"]}),
            ("Permissions", {"fields": ["is_platform_staff", "is_superuser", "groups", "user_permissions"]}),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the page as an invitation, without *Save and continue editing*."""
        words = {"title": "Invite an administrator", "show_save_and_continue": False}
        return super().add_view(request, form_url, {**words, **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Leave addresses to superusers, too: anyone who can change an address can request a password link for it."""
        always = ["joined_at", "last_login"]
        if obj is None:
            return []
        if not is_superuser(request):
            always += self.fields_of_superusers
        if obj == request.user:
            always += ["is_active", "is_platform_staff", "is_superuser"]
        return always

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        """Return a form that offers an inviter only what they may grant."""
        if obj is not None:
            return super().get_form(request, obj, change, **{"help_texts": self.help_texts, **kwargs})
        inviter = {"inviter": request.user, "__module__": __name__}
        return super().get_form(request, obj, change, form=type("InvitationForm", (InvitationForm,), inviter), **kwargs)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """Show memberships as a table; in the invitation they are a field."""
        return [] if obj is None else super().get_inlines(request, obj)  # type: ignore[return-value]  # a list

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let only superusers change a superuser."""
        if obj is not None and obj.is_superuser and not is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse everyone: deletion would remove the history of what the administrator did."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Give an invited administrator an unusable password until they choose one."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the accounts of a new administrator, then send the invitation."""
        if not change:
            for account in form.cleaned_data["member_of"]:
                Membership.objects.create(administrator=form.instance, account=account)
            transaction.on_commit(partial(self._invite, request, form.instance))
        super().save_related(request, form, formsets, change)

    def _invite(self, request: HttpRequest, administrator: Administrator) -> None:
        if send_invitation(administrator):
            messages.success(request, f"A link to choose a password was sent to {administrator.email}.")
        else:
            messages.error(request, "The invitation could not be sent by e-mail. Send the link again from the list.")

    @admin.action(permissions=["change"], description="Send a link to choose a password")
    def send_link(self, request: HttpRequest, administrators: QuerySet[Administrator]) -> None:
        """Send the link again to active administrators who have lost it."""
        sent = sum(send_invitation(administrator) for administrator in administrators.filter(is_active=True))
        messages.info(
            request, f"{sent} sent. Each person gets at most one link in five minutes, and none while not active."
        )


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ScopedAdmin, DjangoGroupAdmin):  # type: ignore[misc]  # their stubs name an argument differently
    """Groups of permissions. Only superusers may edit them, since editing a group can grant oneself anything."""

    section = "People"
    icon = "group"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        return is_superuser(request)
