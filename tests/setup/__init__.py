"""The embedded servers, the supervisor, and the commands that people start."""
