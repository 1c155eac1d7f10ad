"""The screens of uploads: list, form, one upload, file formats."""
