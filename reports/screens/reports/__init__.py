"""The form that orders a report, the list of reports, and one report."""
