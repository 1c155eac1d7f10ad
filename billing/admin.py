"""The admin of people. Accounts, contracts and rates are in `usage.admin`: they are uploaded, and rate calls."""

from billing import people_admin

__all__ = ["people_admin"]
