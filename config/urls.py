"""The addresses of the product: the admin, its password pages, and the API."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from billing import password_views
from reports.api.views.missing import missing

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("admin/password-reset/", password_views.ForgottenPassword.as_view(), name="admin_password_reset"),
    path("admin/password-reset/sent/", password_views.LinkSent.as_view(), name="password_reset_done"),
    path("admin/set-password/done/", password_views.PasswordSet.as_view(), name="password_reset_complete"),
    path("admin/set-password/<uidb64>/<token>/", password_views.SetPassword.as_view(), name="password_reset_confirm"),
    path("admin/account-settings/", include("reports.screens.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("reports.api.urls")),
    path("api", missing),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]
