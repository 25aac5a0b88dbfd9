"""The files of old migrations folders."""

from __future__ import annotations

import pathlib

INI = """\
[alembic]
# nothing of Alembic is set

[loggers]
keys = root,sqlalchemy,alembic,flask_migrate

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARN
handlers = console
qualname =

[logger_sqlalchemy]
level = WARN
handlers =
qualname = sqlalchemy.engine

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[logger_flask_migrate]
level = INFO
handlers =
qualname = flask_migrate

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
datefmt = %H:%M:%S
"""

ASYNCHRONOUS = '''\
"""As of 4.x, for aioflask."""
import asyncio
from alembic import context
from flask import current_app


def get_engine():
    return current_app.extensions['migrate'].db.engine


def do_run_migrations(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run_migrations_online():
    connectable = get_engine()
    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)


asyncio.run(run_migrations_online())
'''

SINGLE_2 = '''\
"""As of 2.x: an engine of its own, from the ini file."""
from __future__ import with_statement

import logging
from logging.config import fileConfig

from alembic import context
from flask import current_app
from sqlalchemy import engine_from_config
from sqlalchemy import pool

config = context.config
fileConfig(config.config_file_name)
logger = logging.getLogger('alembic.env')

url = current_app.config.get('SQLALCHEMY_DATABASE_URI')
config.set_main_option('sqlalchemy.url', str(url).replace('%', '%%'))
target_metadata = current_app.extensions['migrate'].db.metadata


def offline():
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=target_metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def online():
    def skip_empty(context, revision, directives):
        if getattr(config.cmd_opts, 'autogenerate', False):
            if directives[0].upgrade_ops.is_empty():
                directives[:] = []
                logger.info('No changes in schema detected.')

    connectable = engine_from_config(
        config.get_section(config.config_ini_section),
        prefix='sqlalchemy.',
        poolclass=pool.NullPool,
    )
    with connectable.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            process_revision_directives=skip_empty,
            **current_app.extensions['migrate'].configure_args
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
'''

SINGLE_4 = '''\
"""As of 3.x and 4.x: the application's engine; writes into configure_args."""
import logging
import logging.config

from alembic import context
from flask import current_app

config = context.config
logging.config.fileConfig(config.config_file_name)
logger = logging.getLogger('alembic.env')
target_db = current_app.extensions['migrate'].db


def engine():
    try:
        return target_db.get_engine()
    except (TypeError, AttributeError):
        return target_db.engine


def engine_url():
    try:
        url = engine().url.render_as_string(hide_password=False)
    except AttributeError:
        url = str(engine().url)
    return url.replace('%', '%%')


config.set_main_option('sqlalchemy.url', engine_url())


def metadata():
    if hasattr(target_db, 'metadatas'):
        return target_db.metadatas[None]
    return target_db.metadata


def offline():
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=metadata(),
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def online():
    def skip_empty(context, revision, directives):
        if getattr(config.cmd_opts, 'autogenerate', False):
            if directives[0].upgrade_ops.is_empty():
                directives[:] = []
                logger.info('No changes in schema detected.')

    conf_args = current_app.extensions['migrate'].configure_args
    if conf_args.get("process_revision_directives") is None:
        conf_args["process_revision_directives"] = skip_empty

    with engine().connect() as connection:
        context.configure(
            connection=connection, target_metadata=metadata(), **conf_args
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
'''

MULTI = '''\
"""As of 3.x and 4.x, for several databases: transactions are begun outside."""
import logging
from logging.config import fileConfig

from alembic import context
from flask import current_app

config = context.config
fileConfig(config.config_file_name)
logger = logging.getLogger('alembic.env')
target_db = current_app.extensions['migrate'].db


def engine(key=None):
    return target_db.engines.get(key)


def engine_url(key=None):
    return engine(key).url.render_as_string(hide_password=False).replace('%', '%%')


config.set_main_option('sqlalchemy.url', engine_url())
names = list(current_app.config.get('SQLALCHEMY_BINDS') or {})
for name in names:
    context.config.set_section_option(name, "sqlalchemy.url", engine_url(name))


def metadata(name):
    return target_db.metadatas[name or None]


def offline():
    urls = {'': context.config.get_main_option('sqlalchemy.url')}
    for name in names:
        urls[name] = context.config.get_section_option(name, "sqlalchemy.url")
    for name, url in urls.items():
        with open("%s.sql" % name, 'w') as buffer:
            context.configure(
                url=url,
                output_buffer=buffer,
                target_metadata=metadata(name),
                literal_binds=True,
            )
            with context.begin_transaction():
                context.run_migrations(engine_name=name)


def online():
    def skip_empty(context, revision, directives):
        if getattr(config.cmd_opts, 'autogenerate', False):
            script = directives[0]
            if len(script.upgrade_ops_list) >= len(names) + 1:
                if all(ops.is_empty() for ops in script.upgrade_ops_list):
                    directives[:] = []
                    logger.info('No changes in schema detected.')

    conf_args = current_app.extensions['migrate'].configure_args
    if conf_args.get("process_revision_directives") is None:
        conf_args["process_revision_directives"] = skip_empty

    engines = {name: {'engine': engine(name or None)} for name in ['', *names]}
    for rec in engines.values():
        rec['connection'] = rec['engine'].connect()
        rec['transaction'] = rec['connection'].begin()
    try:
        for name, rec in engines.items():
            logger.info("Migrating database %s" % (name or '<default>'))
            context.configure(
                connection=rec['connection'],
                upgrade_token="%s_upgrades" % name,
                downgrade_token="%s_downgrades" % name,
                target_metadata=metadata(name),
                **conf_args
            )
            context.run_migrations(engine_name=name)
        for rec in engines.values():
            rec['transaction'].commit()
    except:  # noqa: E722
        for rec in engines.values():
            rec['transaction'].rollback()
        raise
    finally:
        for rec in engines.values():
            rec['connection'].close()


if context.is_offline_mode():
    offline()
else:
    online()
'''

_SCRIPT_HEAD = '''\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

'''

SINGLE_SCRIPT = (
    _SCRIPT_HEAD
    + """
def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
"""
)

MULTI_SCRIPT = (
    _SCRIPT_HEAD
    + """
def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()

<%
    from flask import current_app
    names = [''] + list(current_app.config.get('SQLALCHEMY_BINDS') or {})
%>
% for name in names:

def upgrade_${name}():
    ${context.get("%s_upgrades" % name, "pass")}


def downgrade_${name}():
    ${context.get("%s_downgrades" % name, "pass")}

% endfor
"""
)

KINDS = {
    "single 2": (SINGLE_2, SINGLE_SCRIPT),
    "single 4": (SINGLE_4, SINGLE_SCRIPT),
    "multi": (MULTI, MULTI_SCRIPT),
}


def write(folder: pathlib.Path, kind: str) -> pathlib.Path:
    """Write an old migrations folder."""
    env, script = KINDS[kind]
    (folder / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI)
    (folder / "env.py").write_text(env)
    (folder / "script.py.mako").write_text(script)
    (folder / "README").write_text("Generic configuration.\n")
    return folder
