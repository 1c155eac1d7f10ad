"""The form that orders a report, the list of reports, and a report's page."""
