"""How often a call was come back to, so that a bot that crashes in it again and again stays away."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("running_calls", sa.Column("returns", sa.Integer, nullable=False, server_default="0"))
    op.add_column("running_calls", sa.Column("returned_at", sa.Double))


def downgrade() -> None:
    op.drop_column("running_calls", "returned_at")
    op.drop_column("running_calls", "returns")
