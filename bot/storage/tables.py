"""The tables, as the newest migration leaves them; a test holds the two together.

Discord's ids are 64-bit integers. Times are Unix seconds, so that they mean the same in every database.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Integer, MetaData, Table, Text

METADATA = MetaData()

guild_settings = Table(
    "guild_settings",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    # NULL: as the operator set it.
    Column("model", Text),
    Column("voice", Text),
    Column("language", Text),
    Column("turns", Text),
    Column("persona", Text),
    Column("instruction", Text),
    Column("mode", Text),
    Column("floor", Text),
    Column("captions", Boolean),
    Column("consent", Text),
    Column("retention_days", Integer),
    Column("idle_minutes", Integer),
    # Lists of ids.
    Column("join_roles", JSON(none_as_null=True)),
    Column("config_roles", JSON(none_as_null=True)),
)

consents = Table(
    "consents",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    # 0 where somebody objected who had not given one.
    Column("given_at", Double, nullable=False),
    # NULL while the consent stands.
    Column("withdrawn_at", Double),
)

command_sync = Table(
    "command_sync",
    METADATA,
    Column("application_id", BigInteger, primary_key=True, autoincrement=False),
    # Of the commands that Discord was last given.
    Column("digest", Text, nullable=False),
)
