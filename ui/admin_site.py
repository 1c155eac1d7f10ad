"""The admin site: Django's own, open to every active administrator, who signs in with an e-mail address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.text import slugify

from billing.models import Administrator
from billing.scoped_admin import platform_staff
from ui.navigation import sections_open_to, start_page


class SignInForm(AuthenticationForm):
    """Asks for an e-mail address, regardless of case, and a password."""

    error_messages = {
        "invalid_login": "The e-mail address or password is wrong.",
        "inactive": "This administrator is no longer active.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        address = self.fields["username"]
        address.label = "E-mail address"
        address.widget = forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username", "maxlength": 254})


class AdminSite(admin.AdminSite):
    """The admin of the product, with its own sections, sign-in and start page."""

    site_header = "Tallydesk"
    site_title = "Tallydesk"
    index_title = "Tallydesk"
    login_form = SignInForm

    # The sections in the order of the index; the admin of a model names its own, and its icon.
    sections = ["Billing", "Usage", "Charges and rates", "People"]

    def has_permission(self, request: HttpRequest) -> bool:
        """Admit every active administrator; permissions decide what they see."""
        return request.user.is_active

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Leave out `r/…`, which would redirect to any object by its ID, visible or not."""
        return [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) != "view_on_site"]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]  # it may redirect
        """Show the index to staff and to customers who only upload; send other customers to the page they start on."""
        address = start_page()
        if address and platform_staff(request) is None:
            has_section = isinstance(request.user, Administrator) and bool(sections_open_to(request.user))
            if has_section or not self.get_app_list(request):
                return HttpResponseRedirect(address)
        return super().index(request, extra_context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the models of the index by section, in the words of the product, not by Django application."""
        applications = super().get_app_list(request, app_label)
        if app_label:
            return applications
        sections: dict[str, list[Any]] = {name: [] for name in self.sections}
        for application in applications:
            for model in application["models"]:
                model_admin = self.get_model_admin(model["model"])
                section = getattr(model_admin, "section", application["name"])
                sections.setdefault(section, []).append({**model, "icon": getattr(model_admin, "icon", "item")})
        index = reverse("admin:index", current_app=self.name)
        return [
            {
                "name": name,
                "app_label": slugify(name),
                "app_url": f"{index}#{slugify(name)}",
                "has_module_perms": True,
                "models": models,
            }
            for name, models in sections.items()
            if models
        ]
