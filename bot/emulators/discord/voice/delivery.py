"""The DAVE delivery service of one call: who is in the MLS group, and who is told what. Sans-I/O.

It follows the DAVE protocol 1.1 (daveprotocol.com). In go what clients did and the time; out come the
messages to each of them, in order. Media never come here.

The version of the call is the lowest that anyone in it supports. Above 0, the group goes through the same
life again and again: nobody's (epoch 0, everyone's Adds go to everyone else), established by the first valid
commit, changed by Adds and Removes, started anew when one member is left or when the version rises from 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.emulators.discord.knobs import DaveKnobs
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.group import Group, Proposed
from bot.emulators.discord.voice.messages import Op, Outgoing
from bot.emulators.discord.voice.mls import KeyPackage, parse_commit_welcome
from bot.emulators.discord.voice.transitions import INIT, Transition, Transitions
from bot.emulators.discord.voice.wire import u16, vec

NEW_GROUP = 1  # the epoch in op 24 that means "make a new group"
_APPEND, _REVOKE = b"\0", b"\1"


@dataclass
class Member:
    """A client in the call."""

    max_version: int
    package: KeyPackage | None = None
    """The newest key package, until a commit used it."""
    knows_sender: bool = False
    """Whether op 25 went out to this client."""


class DeliveryService:
    """Serves one call; every method returns the messages to send; what is invalid raises `RefusedError`."""

    def __init__(
        self, channel_id: int, sender: ExternalSender, knobs: DaveKnobs, *, e2ee: bool = True
    ) -> None:
        self.members: dict[int, Member] = {}
        self.version = 0
        """What was announced; the transition to it may be under way."""
        self.media_version = 0
        """What clients were last told to send media with."""
        self._sender = sender
        self._knobs = knobs
        self._e2ee = e2ee  # stage channels have none
        self._group_id = channel_id.to_bytes(8, "big")
        self._transitions = Transitions()
        self.group = Group(self._group_id, sender)

    def version_with(self, *max_versions: int) -> int:
        """Return the version of the call if these clients were in it too: for op 4 of one who joins."""
        here = (member.max_version for member in self.members.values())
        return min((self._knobs.max_version if self._e2ee else 0, *max_versions, *here))

    def joined(self, user_id: int, max_version: int, now: float) -> list[Outgoing]:
        """Take in a client that was just sent op 4 with `version_with(max_version)`, and op 11."""
        if not self.members:
            self.version = self.media_version = self.version_with(max_version)
        self.members[user_id] = Member(max_version)
        out = self._renegotiate(now, newcomer=user_id)
        introduction = self._introduce(user_id) if self.version else []
        proposals = []
        if self.version and not self.group.established:
            proposals = self._append(user_id, self.group.proposals.values())
        return out + (proposals + introduction if self._knobs.proposals_first else introduction + proposals)

    def left(self, user_id: int, now: float) -> list[Outgoing]:
        """Let a client go."""
        if self.members.pop(user_id, None) is None:
            return []
        if not self.members:
            self.group = Group(self._group_id, self._sender)
            self._transitions.abandon()
            return []
        out = self._execute(self._transitions.gone(user_id)) + self._evict(user_id)
        return out + self._renegotiate(now)

    def key_package(self, user_id: int, body: bytes) -> list[Outgoing]:
        """Serve op 26: this client wants to be added, or to be added anew."""
        member = self._e2ee_member(user_id)
        package = KeyPackage.parse(body)
        package.verify(user_id)
        out = self._evict(user_id)
        member.package = package
        return out + self._propose_waiting()

    def commit_welcome(self, user_id: int, body: bytes, now: float) -> list[Outgoing]:
        """Serve op 28: the first valid commit of an epoch makes the next epoch; all others are refused."""
        self._e2ee_member(user_id)
        commit, welcome = parse_commit_welcome(body)
        first = not self.group.established
        accepted = self.group.accept(user_id, commit, welcome)
        for each in (user_id, *accepted.welcomes):
            self.members[each].package = None
        users = [*accepted.stayed, *accepted.welcomes]
        # Where no media were sent in clear before, there is nothing to change over from.
        if first and self.media_version == self.version:
            prefix = u16(INIT)
        else:
            prefix = u16(self._transitions.start(self.version, users, self._deadline(now)))
        out = [Outgoing(user, Op.ANNOUNCE_COMMIT, prefix + commit.raw) for user in accepted.stayed]
        return out + [
            Outgoing(user, Op.WELCOME, prefix + welcome_cut)
            for user, welcome_cut in accepted.welcomes.items()
        ]

    def transition_ready(self, user_id: int, transition_id: int) -> list[Outgoing]:
        """Serve op 23."""
        return self._execute(self._transitions.ready(user_id, transition_id))

    def invalid(self, user_id: int) -> list[Outgoing]:
        """Serve op 31: this client could not process a commit or welcome, and will send a new key package."""
        self._e2ee_member(user_id)
        return self._evict(user_id)

    def poll(self, now: float) -> list[Outgoing]:
        """Do what time brings: transitions that waited long enough, and a version limit that was changed."""
        return self._execute(self._transitions.expired(now)) + self._renegotiate(now)

    def _e2ee_member(self, user_id: int) -> Member:
        member = self.members.get(user_id)
        if member is None or not self.version:
            raise RefusedError("MLS from a client that is in no encrypted call")
        return member

    def _deadline(self, now: float) -> float:
        return now + self._knobs.transition_timeout_s

    def _renegotiate(self, now: float, newcomer: int | None = None) -> list[Outgoing]:
        """Move everyone but the newcomer, who has it from op 4, to the version that the call should have."""
        version = self.version_with()
        if version == self.version or not self.members:
            return []
        self.version = version
        present = [user for user in self.members if user != newcomer]
        return self._restart(present) if version else self._downgrade(present, now)

    def _downgrade(self, users: Sequence[int], now: float) -> list[Outgoing]:
        self._forget_group()
        for member in self.members.values():
            member.package = None
        transition_id = self._transitions.start(0, users, self._deadline(now))
        data = {"protocol_version": 0, "transition_id": transition_id}
        return [Outgoing(user, Op.PREPARE_TRANSITION, data) for user in users]

    def _restart(self, users: Sequence[int]) -> list[Outgoing]:
        """Begin a new group, which these users are told to; others wait for it already."""
        self._forget_group()
        out: list[Outgoing] = []
        for user in users:
            self.members[user].package = None
            epoch = {"protocol_version": self.version, "epoch": NEW_GROUP}
            out.append(Outgoing(user, Op.PREPARE_EPOCH, epoch))
            out += self._introduce(user)
        if len(users) == 1:
            data = {"protocol_version": self.version, "transition_id": INIT}
            out.append(Outgoing(users[0], Op.PREPARE_TRANSITION, data))
            self.media_version = self.version
        return out + self._propose_waiting()

    def _forget_group(self) -> None:
        self.group = Group(self._group_id, self._sender)
        self._transitions.abandon()

    def _introduce(self, user_id: int) -> list[Outgoing]:
        """Send op 25 to a client that has not had it; clients keep it when their group starts anew."""
        if self.members[user_id].knows_sender:
            return []
        self.members[user_id].knows_sender = True
        return [Outgoing(user_id, Op.EXTERNAL_SENDER, self._sender.package())]

    def _evict(self, user_id: int) -> list[Outgoing]:
        """Take back what would add this user, and propose the removal of one who is in the group."""
        if member := self.members.get(user_id):
            member.package = None
        sent = list(self.group.proposals.values())
        out = self._renew(sent) if self.group.withdraw(user_id) else []
        if user_id not in self.group.staying:
            return out
        removal = self.group.propose_remove(user_id)
        if len(self.group.staying) <= 1:  # no single member keeps control of an established group
            return out + self._restart(self.group.staying)
        return out + self._broadcast([removal])

    def _propose_waiting(self) -> list[Outgoing]:
        """Propose everyone who has given a key package and is neither in the group nor proposed."""
        staying = self.group.staying
        new = [
            self.group.propose_add(user, member.package)
            for user, member in self.members.items()
            if member.package and user not in staying and not self.group.add_of(user)
        ]
        return self._broadcast(new)

    def _audience(self) -> list[int]:
        """Return who handles proposals: the members, or everyone while nobody is one."""
        if self.group.established:
            return self.group.staying
        return [user for user, member in self.members.items() if member.knows_sender]

    def _broadcast(self, proposals: Sequence[Proposed]) -> list[Outgoing]:
        """Send new proposals to everyone who handles them.

        A client on davey 0.1.7 leaves the Welcome out of its commit unless the last message that it handled
        had an Add. So where Adds are in flight and these bring none, all are revoked and proposed anew.
        """
        kept = [each for each in self.group.proposals.values() if each not in proposals]
        if any(each.package for each in kept) and not any(each.package for each in proposals):
            return self._renew(kept)
        return [message for user in self._audience() for message in self._append(user, proposals)]

    def _renew(self, sent: Sequence[Proposed]) -> list[Outgoing]:
        """Revoke what was sent, and propose what is in flight anew, under new references.

        Were only some revoked, what is left could be what was in flight once before, and a client's commit
        from then would be valid again. But that client has made another one since, and takes ours for that:
        it alone would go into another epoch than the rest.
        """
        new = self.group.renew()
        out = []
        for user in self._audience():
            if refs := b"".join(vec(each.signed.ref) for each in self._visible(user, sent)):
                out.append(Outgoing(user, Op.PROPOSALS, _REVOKE + vec(refs)))
            out += self._append(user, new)
        return out

    def _append(self, user_id: int, proposals: Iterable[Proposed]) -> list[Outgoing]:
        messages = b"".join(each.signed.message for each in self._visible(user_id, proposals))
        return [Outgoing(user_id, Op.PROPOSALS, _APPEND + vec(messages))] if messages else []

    @staticmethod
    def _visible(user_id: int, proposals: Iterable[Proposed]) -> list[Proposed]:
        """Leave out a client's own Add: it can't add itself."""
        return [each for each in proposals if not (each.package and each.user_id == user_id)]

    def _execute(self, transitions: Iterable[Transition]) -> list[Outgoing]:
        out = []
        for transition in transitions:
            self.media_version = transition.version
            data = {"transition_id": transition.id}
            out += [Outgoing(u, Op.EXECUTE_TRANSITION, data) for u in transition.users if u in self.members]
        return out
