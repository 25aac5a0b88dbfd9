"""The environment that Alembic loads: it hands over to the runner."""

from __future__ import annotations

from flask_batchmigrate.environment.runner import run

run()
