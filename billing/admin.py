"""The admin of people. Accounts, contracts and rates are in `usage.admin`, since uploads and rating concern them."""

from billing import people_admin

__all__ = ["people_admin"]
