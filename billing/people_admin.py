"""The admin of administrators and groups: inviting, deactivating; nobody grants what they do not hold."""

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
    """Whether a superuser asks."""
    administrator = platform_staff(request)
    return administrator is not None and administrator.is_superuser


class MembershipInline(ScopedInline):
    """The accounts of an administrator; superusers alone change them."""

    model = Membership

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        """Superusers alone."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return is_superuser(request)

    has_delete_permission = has_change_permission


@admin.register(Administrator)
class AdministratorAdmin(ScopedAdmin):
    """The people who sign in. One is invited and, in the end, deactivated; never deleted, since their history stays."""

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
    help_texts: ClassVar = {  # Django's own speak of users, which here are somebody else
        "is_superuser": "May do everything, without being given permissions.",
        "groups": "They have the permissions of all their groups.",
        "user_permissions": "Those beside the groups'. A customer's administrator has use for those of reports alone.",
    }
    fields_of_superusers = ["email", "is_platform_staff", "is_superuser", "groups", "user_permissions"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """An invitation, or the administrator as they are."""
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
        """One invites somebody: there is nothing to go on editing afterwards."""
        words = {"title": "Invite an administrator", "show_save_and_continue": False}
        return super().add_view(request, form_url, {**words, **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Who could change an address could ask for its password: this, too, is for superusers."""
        always = ["joined_at", "last_login"]
        if obj is None:
            return []
        if not is_superuser(request):
            always += self.fields_of_superusers
        if obj == request.user:
            always += ["is_active", "is_platform_staff", "is_superuser"]
        return always

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        """Who invites decides what the form offers."""
        if obj is not None:
            return super().get_form(request, obj, change, **{"help_texts": self.help_texts, **kwargs})
        inviter = {"inviter": request.user, "__module__": __name__}
        return super().get_form(request, obj, change, form=type("InvitationForm", (InvitationForm,), inviter), **kwargs)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """Memberships are a field of the invitation, a table afterwards."""
        return [] if obj is None else super().get_inlines(request, obj)  # type: ignore[return-value]  # a list

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody but a superuser changes a superuser."""
        if obj is not None and obj.is_superuser and not is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: with them would go the history of what they did."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nobody knows an invited administrator's password until they choose it."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """With their accounts saved, the invited are told."""
        super().save_related(request, form, formsets, change)
        if change:
            return
        for account in form.cleaned_data["member_of"]:
            Membership.objects.create(administrator=form.instance, account=account)
        transaction.on_commit(partial(self._invite, request, form.instance))

    def _invite(self, request: HttpRequest, administrator: Administrator) -> None:
        if send_invitation(administrator):
            messages.success(request, f"A link to choose a password was sent to {administrator.email}.")
        else:
            messages.error(request, "The invitation could not be sent by e-mail. Send the link again from the list.")

    @admin.action(permissions=["change"], description="Send a link to choose a password")
    def send_link(self, request: HttpRequest, administrators: QuerySet[Administrator]) -> None:
        """Invite again whoever has lost their link."""
        sent = sum(send_invitation(administrator) for administrator in administrators.filter(is_active=True))
        messages.info(request, f"{sent} sent. Nobody gets two links within five minutes, and none while not active.")


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ScopedAdmin, DjangoGroupAdmin):  # type: ignore[misc]  # their stubs name an argument differently
    """Groups of permissions: who could edit them could grant themselves anything, so superusers alone."""

    section = "People"
    icon = "group"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers alone."""
        return is_superuser(request)

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        """Superusers alone."""
        return is_superuser(request)
