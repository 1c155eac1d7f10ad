"""What a report type and a file format are, and how rows become bytes, totals and digests."""
