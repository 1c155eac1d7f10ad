"""Who is billed and for what: accounts, subscriptions, charges, rate sheets, administrators, permissions."""
