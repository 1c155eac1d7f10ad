"""What a report type and a file format are, and how rows become bytes, control totals and digests."""
