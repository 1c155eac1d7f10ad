"""The addresses of `billing` and `usage`, as `config.urls` has them, and no others."""

from django.contrib import admin
from django.urls import path

from billing import password_views

urlpatterns = [
    path("admin/password-reset/", password_views.ForgottenPassword.as_view(), name="admin_password_reset"),
    path("admin/password-reset/sent/", password_views.LinkSent.as_view(), name="password_reset_done"),
    path("admin/set-password/done/", password_views.PasswordSet.as_view(), name="password_reset_complete"),
    path("admin/set-password/<uidb64>/<token>/", password_views.SetPassword.as_view(), name="password_reset_confirm"),
    path("admin/", admin.site.urls),
]
