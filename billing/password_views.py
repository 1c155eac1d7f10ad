"""Forgotten passwords: the pages around the links, in the dress of the admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import views
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import FormView
from django.views.generic.base import ContextMixin

from billing.models import Administrator
from billing.password_links import send_forgotten_password_link


class SiteContext(ContextMixin):
    """What templates that extend the admin's own need."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The site's context under the page's own."""
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}


class AddressForm(forms.Form):
    """Who has forgotten their password."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


# Django's own class takes no type argument, its stub does.
if TYPE_CHECKING:
    AddressFormView = FormView[AddressForm]
else:
    AddressFormView = FormView


class ForgottenPassword(SiteContext, AddressFormView):
    """Asks for an e-mail address, and answers the same whether or not somebody has it."""

    form_class = AddressForm
    template_name = "registration/password_reset_form.html"
    success_url = reverse_lazy("password_reset_done")
    extra_context = {"title": "Forgotten password"}

    def form_valid(self, form: AddressForm) -> HttpResponse:
        """Send the link if there is somebody to send it to."""
        send_forgotten_password_link(form.cleaned_data["email"])
        return super().form_valid(form)


class LinkSent(SiteContext, views.PasswordResetDoneView):
    """Look into your mailbox."""

    title = "Look into your mailbox"


class SetPassword(SiteContext, views.PasswordResetConfirmView):
    """What a link opens: a new password, twice."""

    title = "Choose a password"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With a heading of its own where the link opens nothing."""
        context = super().get_context_data(**kwargs)
        return context if self.validlink else {**context, "title": "This link no longer works"}

    def get_user(self, uidb64: str) -> Administrator | None:
        """Nobody who is no longer active: an old link must not be what opens the door once they are again."""
        administrator = super().get_user(uidb64)
        return administrator if isinstance(administrator, Administrator) and administrator.is_active else None


class PasswordSet(SiteContext, views.PasswordResetCompleteView):
    """Go and sign in."""

    title = "Your password is set"
