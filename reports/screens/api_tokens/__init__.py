"""The API tokens of an administrator: the list, and the pages that create and revoke one."""
