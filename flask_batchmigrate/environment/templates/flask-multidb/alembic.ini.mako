# Settings of Alembic for this folder; all of them are optional.
# https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file

[alembic]
# Where this folder is, for Alembic's own command line.
script_location = %(here)s
path_separator = os

# How revision files are named.
# file_template = %%(rev)s_%%(slug)s
