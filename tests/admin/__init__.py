"""The admin: who comes in, what they find, what they are refused."""
