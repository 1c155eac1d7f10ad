"""The admin: who may sign in, what they see, and what they are refused."""
