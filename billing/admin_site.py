"""The admin site: Django's own, signed in to by every active administrator."""

from django.contrib import admin


class AdminSite(admin.AdminSite):
    """The product's face."""

    site_header = "Tallydesk"
    site_title = "Tallydesk"
    index_title = "Account settings"
