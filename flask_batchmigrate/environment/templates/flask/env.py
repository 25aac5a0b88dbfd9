"""The migration environment: code to run before and after the migrations.

``run()`` migrates the databases of the Flask application. It passes its arguments on to
Alembic's ``context.configure``, for example ``run(include_object=my_filter)``. You may
delete this file; the same environment then runs without it.
"""

from flask_batchmigrate.environment import run

run()
