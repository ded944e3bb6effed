"""Parts of this package in the form of other trainers' own: one folder for each, with an extra of the same name."""
