"""What was used: entities, login sessions, resources, calls; and how it gets in."""
