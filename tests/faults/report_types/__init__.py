"""Report types that only the workers of these tests know."""
