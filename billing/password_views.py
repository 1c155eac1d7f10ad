"""Forgotten passwords: the pages around the links, with the look of the admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import FormView
from django.views.generic.base import ContextMixin

from billing.models import Administrator
from billing.password_links import send_forgotten_password_link


class SiteContext(ContextMixin):
    """Adds the context that templates extending the admin's own need."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the site's context, overridden by the page's own."""
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}


class AddressForm(forms.Form):
    """Asks for the address of the person who has forgotten their password."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


# Only the stub of Django's class takes a type argument.
if TYPE_CHECKING:
    AddressFormView = FormView[AddressForm]
else:
    AddressFormView = FormView


class ForgottenPassword(SiteContext, AddressFormView):
    """Asks for an e-mail address, and responds alike whether or not it is known."""

    form_class = AddressForm
    template_name = "registration/password_reset_form.html"
    success_url = reverse_lazy("password_reset_done")
    extra_context = {"title": "Forgotten password"}

    def form_valid(self, form: AddressForm) -> HttpResponse:
        """Send the link if an active administrator has the address."""
        send_forgotten_password_link(form.cleaned_data["email"])
        return super().form_valid(form)


class LinkSent(SiteContext, views.PasswordResetDoneView):
    title = "Check your mailbox"


class SetPassword(SiteContext, views.PasswordResetConfirmView):
    """The page that a link opens, for entering a new password twice."""

    title = "Choose a password"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Give the page another heading if the link is not valid."""
        context = super().get_context_data(**kwargs)
        return context if self.validlink else {**context, "title": "This link no longer works"}

    def form_valid(self, form: "SetPasswordForm[Administrator]") -> HttpResponse:
        """Set the password if the link is still good, which is checked again under a lock: it works once."""
        token = self.request.session.get(INTERNAL_RESET_SESSION_TOKEN)
        with transaction.atomic():
            locked = Administrator.objects.select_for_update(no_key=True)
            administrator = locked.filter(pk=form.user.pk, is_active=True).first()
            if administrator is not None and self.token_generator.check_token(administrator, token):
                form.user = administrator  # as the row is now: saving it must not undo what others have changed
                return super().form_valid(form)
        self.validlink = False
        return self.render_to_response(self.get_context_data())

    def get_user(self, uidb64: str) -> Administrator | None:
        """Return the administrator if active: an old link must not let them in after they are reactivated."""
        administrator = super().get_user(uidb64)
        return administrator if isinstance(administrator, Administrator) and administrator.is_active else None


class PasswordSet(SiteContext, views.PasswordResetCompleteView):
    title = "Your password is set"
