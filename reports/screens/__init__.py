"""The screens under Account settings: Subscription, Download Usage Report, Reports."""
