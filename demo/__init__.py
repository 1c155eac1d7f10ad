"""The demo: contact centres that never existed, who signs in to look at them, and the programs that serve them."""
