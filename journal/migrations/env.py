"""Called by Alembic: runs the migrations on the connection, and in the transaction, that journal.migrate
gives it."""

from alembic import context

from journal.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
