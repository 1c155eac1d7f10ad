"""Two runs of one report compared: enqueued, run, and the difference itself."""
