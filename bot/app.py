"""The composition root: builds each part once and closes each part once, in the opposite order."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

from google import genai

from bot.audio.ratepath import RatePath, rate_path
from bot.closing import close_both, closing
from bot.conversation.call import Call
from bot.conversation.calls import Calls
from bot.conversation.overload import LoopWatch, Overload
from bot.conversation.sights import LONGEST_S
from bot.discord_client import DiscordClient
from bot.errors import SetupError
from bot.guild_calls import apply, call_options, choices, live_setup
from bot.live.capabilities import check_voice, model
from bot.live.client import make_client, verify
from bot.live.errors import LiveError
from bot.media.service import MediaService
from bot.media.viewing import Viewing
from bot.settings import Settings
from bot.storage.answers import AnswerStore
from bot.storage.commands import CommandSyncStore
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.kept import KeptStore
from bot.storage.media import MediaStore
from bot.storage.notes import NoteStore
from bot.storage.running import RunningStore
from bot.storage.schemas import SchemaStore
from bot.storage.transcripts import TranscriptStore
from bot.tools.kit import Kit
from bot.voice.clock import SendClock
from bot.web.metrics import CallFigures
from bot.web.server import MetricsServer
from cogs.answer import Answers
from cogs.ask import Questions
from cogs.ask_context import Context
from cogs.ask_messages import Mentions
from cogs.call_panel import Acts, CallPanel
from cogs.call_signs import CallSigns
from cogs.caption_calls import CaptionCalls
from cogs.captions import CallWords
from cogs.config import Config
from cogs.errors import Tree
from cogs.extraction import Extraction
from cogs.greeting import Greeting
from cogs.look import Look
from cogs.look_show import CallViewer
from cogs.manners import Manners
from cogs.notes import Notes
from cogs.pictures import Pictures
from cogs.places import Places
from cogs.privacy import Privacy
from cogs.recordings import Recordings
from cogs.returning import Returning
from cogs.running_calls import RunningCalls
from cogs.server_mute import ServerMute
from cogs.speaking import CallSpeaker
from cogs.status_live import LivePanels
from cogs.talk import Talk
from cogs.tool_posts import ToolPosts
from cogs.unheard import UnheardPeople
from cogs.voice import Voice

logger = logging.getLogger(__name__)

T = TypeVar("T")

MINUTE_S = 60.0
# How long each part may take to close, in this order; together less than the 5 s that the process has.
# Files that remain at Google then are removed at the next start.
RETURNING_S, RUNNING_S, CALLS_S, TOOLS_S, DISCORD_S = 0.2, 0.2, 1.6, 0.1, 0.8
METRICS_S, MEDIA_S, GEMINI_S, DATABASE_S = 0.4, 0.7, 0.4, 0.5

_UNPAID = (
    "GEMINI_PAID is not true: on unpaid quota Google may use what the bot hears to improve its products, and "
    "people may listen to it. The bot tells people so. It is not allowed in the EEA, Switzerland and the UK."
)


async def serve(settings: Settings) -> None:
    """Run the bot until cancelled; everything is closed when this returns.

    Raises SetupError, one sentence, where the bot can't start as it is set up.
    """
    # What needs no network comes first, so that a mistake there is said at once.
    path = _checked_path(settings)
    defaults = _checked_defaults(settings)
    if not settings.gemini_paid:
        logger.warning(_UNPAID)
    async with AsyncExitStack() as stack:
        database = await Database.open(settings.database_url)
        closing(stack, "The database", database.close, DATABASE_S)
        live_client = make_client(settings.gemini_api_key.get_secret_value())
        stack.callback(live_client.close)
        closing(stack, "The Gemini client", live_client.aio.aclose, GEMINI_S)
        await verify(live_client)
        await _serve_discord(stack, settings, database, live_client, path, defaults)


async def _serve_discord(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    live_client: genai.Client,
    path: RatePath,
    defaults: GuildSettings,
) -> None:
    """Put the rest together and serve."""
    guilds = await GuildStore.load(database, defaults)
    consents = await ConsentStore.load(database, lambda guild_id: guilds.get(guild_id).consent)
    clock = SendClock()
    clock.start()
    stack.callback(clock.close)
    transcripts = TranscriptStore(database)
    overload = Overload()
    stack.push_async_callback(LoopWatch(overload.late).close)
    captions = CaptionCalls(guilds, transcripts, overload)
    running_store = RunningStore(database)
    running = RunningCalls(running_store)
    running.start()
    signs, server_mute = CallSigns(lambda: client), ServerMute()
    unheard = UnheardPeople(
        consents,
        guilds,
        paid=settings.gemini_paid,
        text_of=lambda guild_id: calls.text_of(guild_id),
        wrote=captions.came_between,
    )
    calls = Calls(
        live_client=live_client,
        setup_of=lambda guild_id: live_setup(guilds.get(guild_id)),
        clock=clock,
        path=path,
        consented=consents.consented,
        options_of=lambda guild_id: call_options(guilds.get(guild_id)),
        captions_of=captions.open,
        idle_s_of=lambda guild_id: guilds.get(guild_id).idle_minutes * MINUTE_S,
        listeners=[running, signs, server_mute, unheard],
        overload=overload,
        tools_of=lambda call: kit.of(call),
        on_searched=lambda call, searched: kit.searched(call, searched),
    )
    consents.listen(calls.consent_changed)
    service = MediaService(
        client=live_client,
        storage=MediaStore(database),
        answers=AnswerStore(database),
        proxy=settings.discord_proxy,
        model=settings.media_model,
        fallback=settings.media_fallback_model,
    )
    viewing = Viewing(settings.discord_proxy, longest_s=LONGEST_S)
    closing(stack, "The media service", lambda: close_both(service.close, viewing.close), MEDIA_S)
    await service.start()
    await viewing.start()
    notes = NoteStore(database)
    posts = ToolPosts(calls.text_of, captions.came_between)
    kit = Kit(
        chat=posts,
        service=service,
        notes=notes,
        said=captions.said,
        idle_minutes=lambda guild_id: guilds.get(guild_id).idle_minutes,
        end=lambda call: _end(calls, call),
    )

    def settings_changed(guild_id: int) -> None:
        apply(calls.reach(guild_id), guilds.get(guild_id))
        words.retention_changed(guild_id)

    paid, speaker = settings.gemini_paid, CallSpeaker(calls)
    returning = Returning(calls, running_store, lambda guild_id: client.get_guild(guild_id))
    talk, manners, status = Talk(calls, consents), Manners(calls, guilds), LivePanels(calls, captions.budget)
    panel = CallPanel(consents, guilds, Acts(talk=talk.begin, quiet=manners.hush, status=status.open))
    voice = Voice(calls, consents, guilds, paid=paid, give_up=returning.give_up, panel=panel, status=status)
    config = Config(
        guilds,
        choices(),
        paid=paid,
        speaker=speaker,
        check=live_setup,
        applied=settings_changed,
    )
    answers = Answers(service, speaker=speaker)
    words = CallWords(captions, guilds, transcripts, answers)
    viewer = CallViewer(calls, viewing, consents)
    pictures, recordings, questions = Pictures(answers, viewer), Recordings(answers), Questions(answers)
    client = DiscordClient(
        proxy=settings.discord_proxy,
        tree=Tree,
        cogs=[
            voice,
            returning,
            talk,
            manners,
            signs,
            server_mute,
            unheard,
            config,
            Privacy(consents, guilds, KeptStore(database), paid=paid),
            Greeting(voice.begin, guilds.get),
            answers,
            pictures,
            recordings,
            questions,
            Places(answers),
            Extraction(answers, SchemaStore(database)),
            Mentions(answers, viewer),
            Look(viewer, consents),
            Context(service, answers),
            words,
            Notes(notes),
            posts,
        ],
        menus=[*pictures.menus, *recordings.menus, *questions.menus],
        views=[panel],
        sync_store=CommandSyncStore(database),
    )
    if settings.metrics_port:
        metrics = MetricsServer(settings.metrics_port, calls=lambda: figures(calls), healthy=client.healthy)
        await metrics.start()
        closing(stack, "The metrics server", metrics.close, METRICS_S)
    closing(stack, "The Discord client", client.close, DISCORD_S)
    closing(stack, "What tools do in calls", kit.close, TOOLS_S)
    # Calls end while the gateway is still there to say that the bot left its channels.
    closing(stack, "The calls", calls.close, CALLS_S)
    # First of all: calls that end with the process are to be come back to.
    closing(stack, "The record of running calls", running.close, RUNNING_S)
    closing(stack, "The way back to calls", returning.close, RETURNING_S)
    await client.serve(settings.discord_token.get_secret_value())


async def _end(calls: Calls, call: Call) -> None:
    """End a call, and no other that may have begun in its place."""
    if calls.get(call.channel.guild.id) is call:
        await calls.leave(call.channel.guild.id)


def figures(calls: Calls) -> Sequence[CallFigures]:
    """Return what the running calls measured, for the metrics."""
    found = []
    for call in calls.all():
        status = call.status()
        latencies = {
            "mouth_to_live": status.mouth_to_live,
            "live_to_ear": status.live_to_ear,
            "barge_in": status.barge_in,
        }
        found.append(CallFigures(call.channel.guild.id, latencies, status.counters))
    return found


def _checked_path(settings: Settings) -> RatePath:
    path = rate_path(settings.rate_path)
    path.decoder()  # raises SetupError where libopus is missing
    return path


def _checked_defaults(settings: Settings) -> GuildSettings:
    name = _usable("LIVE_MODEL", lambda: model(settings.live_model).name)
    voice = _usable("LIVE_VOICE", lambda: check_voice(settings.live_voice))
    defaults = GuildSettings(model=name, voice=voice, turns=settings.turns)
    _usable("TURNS", lambda: live_setup(defaults))
    return defaults


def _usable(setting: str, read: Callable[[], T]) -> T:
    """Return what a setting means; raise SetupError with its name where there is no such model or voice."""
    try:
        return read()
    except LiveError as error:
        raise SetupError(f"{setting} can't be used: {error}") from error
