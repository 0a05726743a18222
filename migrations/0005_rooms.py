"""A guild's room: its settings, and what is said there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SETTINGS = (
    ("persona", sa.Text),
    ("instruction", sa.Text),
    ("mode", sa.Text),
    ("floor", sa.Text),
    ("captions", sa.Boolean),
    ("consent", sa.Text),
    ("retention_days", sa.Integer),
    ("idle_minutes", sa.Integer),
    ("join_roles", sa.JSON),
    ("config_roles", sa.JSON),
)


def upgrade() -> None:
    for name, kind in _SETTINGS:
        op.add_column("guild_settings", sa.Column(name, kind))
    op.create_table(
        "utterances",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False, index=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("user_id", sa.BigInteger),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_utterances_guild_id_at", "utterances", ["guild_id", "at"])


def downgrade() -> None:
    op.drop_table("utterances")
    for name, _ in reversed(_SETTINGS):
        op.drop_column("guild_settings", name)
