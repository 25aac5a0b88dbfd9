"""The migration environment: what happens around the migrations goes here.

``run()`` migrates the databases of the Flask application. Arguments are passed on to
Alembic's ``context.configure``, for example ``run(include_object=my_filter)``. This
file may be deleted; the same environment then runs without it.
"""

from flask_batchmigrate.environment import run

run()
