"""Guild settings, consents, and which commands Discord has."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "guild_settings",
        sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text),
        sa.Column("voice", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("turns", sa.Text),
    )
    op.create_table(
        "consents",
        sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("given_at", sa.Double, nullable=False),
        sa.Column("withdrawn_at", sa.Double),
    )
    op.create_table(
        "command_sync",
        sa.Column("application_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("command_sync")
    op.drop_table("consents")
    op.drop_table("guild_settings")
