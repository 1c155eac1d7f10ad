"""The demo: the data of invented contact centres, and the people who sign in to look at it."""
