"""What a bot asks of the main gateway beside its session: to be in voice, and lists of members."""

from collections.abc import Iterator
from itertools import islice

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.events import Intent
from bot.emulators.discord.model import Guild, Json, Member
from bot.emulators.discord.payloads import member_payload
from bot.emulators.discord.world import World

CHUNK = 1_000  # members in a GUILD_MEMBERS_CHUNK
SEARCH_LIMIT = 100  # members that a search by name or id can give


def update_voice_state(world: World, session_id: str, guild: Guild, data: Json) -> None:
    """Serve op 4: join, move, leave, mute or deafen. What is not allowed is ignored, as Discord does.

    The same channel with other flags is no rejoin, so no VOICE_SERVER_UPDATE follows.
    """
    bot_id = world.bot.id
    if data.get("channel_id") is None:
        world.voices.leave(bot_id, guild.id)
        return
    channel_id = int(data["channel_id"])
    mute, deaf = bool(data.get("self_mute")), bool(data.get("self_deaf"))
    state = guild.voice_states.get(bot_id)
    stays = state is not None and (state.channel_id, state.session_id) == (channel_id, session_id)
    if state is not None and stays and (state.self_mute, state.self_deaf) != (mute, deaf):
        world.voices.set_flags(bot_id, guild.id, self_mute=mute, self_deaf=deaf)
        return
    try:
        world.voices.join(bot_id, channel_id, session_id=session_id, self_mute=mute, self_deaf=deaf)
    except ActError:
        return


def member_chunks(guild: Guild, intents: int, data: Json) -> Iterator[Json]:
    """Yield the answers to op 8; without the Guild Members intent only a search is answered."""
    found, missing = _wanted(guild, data)
    searching = bool(data.get("query")) or "user_ids" in data
    if not searching and not intents & Intent.GUILD_MEMBERS:
        return
    pages = [found[at : at + CHUNK] for at in range(0, len(found), CHUNK)] or [[]]
    for index, page in enumerate(pages):
        chunk: Json = {
            "guild_id": str(guild.id),
            "members": [member_payload(member) for member in page],
            "chunk_index": index,
            "chunk_count": len(pages),
            "not_found": [str(user_id) for user_id in missing],
        }
        yield chunk | ({"nonce": data["nonce"]} if data.get("nonce") else {})


def _wanted(guild: Guild, data: Json) -> tuple[list[Member], list[int]]:
    if "user_ids" in data:
        asked = data["user_ids"] if isinstance(data["user_ids"], list) else [data["user_ids"]]
        ids = [int(user_id) for user_id in asked][:SEARCH_LIMIT]
        found = [guild.members[user_id] for user_id in ids if user_id in guild.members]
        return found, [user_id for user_id in ids if user_id not in guild.members]
    query = str(data.get("query") or "").lower()
    matching = (member for member in guild.members.values() if member.user.name.lower().startswith(query))
    limit = int(data.get("limit") or 0)
    return list(islice(matching, limit) if limit else matching), []
