"""The tables, as the newest migration leaves them; a test holds the two together.

Discord's ids are 64-bit integers. Times are Unix seconds, so that they mean the same in every database.
"""

from sqlalchemy import BigInteger, Column, Double, MetaData, Table, Text

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
)

consents = Table(
    "consents",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
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
