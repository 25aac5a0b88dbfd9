"""The environment that Alembic loads, which calls the runner."""

from __future__ import annotations

from flask_batchmigrate.environment.runner import run

run()
