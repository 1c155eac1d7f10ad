"""The screens under Account settings, requested as a browser would."""
