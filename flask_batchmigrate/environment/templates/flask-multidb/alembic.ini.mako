# Settings of Alembic for this folder; all of them are optional.
# https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file

[alembic]
# The path of this folder, for Alembic's own command line.
script_location = %(here)s
path_separator = os

# The names of revision files.
# file_template = %%(rev)s_%%(slug)s
