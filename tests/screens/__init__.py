"""The screens under Account settings, asked as a browser would ask."""
