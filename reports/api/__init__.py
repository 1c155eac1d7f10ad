"""The REST API for report jobs: what the screens do, for programs."""
