"""An MLS group as its delivery service sees it: epoch, leaves, and the proposals in flight.

The rules of which commit is valid are those of the DAVE protocol, "Voice Gateway Commit Validity". In epoch 0
there is no group yet: each client has one of its own, holding itself, at leaf 0, and the first valid commit
makes its author's the group.
"""

from dataclasses import dataclass, field

from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender, SignedProposal
from bot.emulators.discord.voice.mls import Commit, KeyPackage, Welcome


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal of this epoch that was not revoked."""

    user_id: int
    signed: SignedProposal
    package: KeyPackage | None
    """The added one's; None for a Remove."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a valid commit did."""

    stayed: list[int]
    """Users who were in the group before and are now: they get the commit."""
    welcomes: dict[int, bytes]
    """Added user -> the Welcome cut to that user's secrets."""


@dataclass
class Group:
    """The group of one channel; user ids stand for members."""

    group_id: bytes
    sender: ExternalSender
    epoch: int = 0
    leaves: list[int | None] = field(default_factory=list)
    proposals: dict[bytes, Proposed] = field(default_factory=dict)
    _signature_keys: dict[int, bytes] = field(default_factory=dict)

    @property
    def established(self) -> bool:
        """Whether a first commit made it a group."""
        return self.epoch > 0

    @property
    def staying(self) -> list[int]:
        """Users at a leaf whom no proposal in flight removes."""
        removed = {each.user_id for each in self.proposals.values() if each.package is None}
        return [user for user in self.leaves if user is not None and user not in removed]

    def add_of(self, user_id: int) -> Proposed | None:
        """Return the Add in flight of that user."""
        found = (each for each in self.proposals.values() if each.package and each.user_id == user_id)
        return next(found, None)

    def propose_add(self, user_id: int, package: KeyPackage) -> Proposed:
        """Sign an Add for this epoch."""
        signed = self.sender.add(self.group_id, self.epoch, package.raw)
        return self._propose(Proposed(user_id, signed, package))

    def propose_remove(self, user_id: int) -> Proposed:
        """Sign a Remove of a member for this epoch."""
        signed = self.sender.remove(self.group_id, self.epoch, self.leaves.index(user_id))
        return self._propose(Proposed(user_id, signed, None))

    def _propose(self, proposed: Proposed) -> Proposed:
        self.proposals[proposed.signed.ref] = proposed
        return proposed

    def withdraw(self, user_id: int) -> Proposed | None:
        """Take back the user's Add in flight, if there is one."""
        proposed = self.add_of(user_id)
        return self.proposals.pop(proposed.signed.ref) if proposed else None

    def renew(self) -> list[Proposed]:
        """Sign all in flight once more: ECDSA signatures differ each time, and so do the references."""
        old = list(self.proposals.values())
        self.proposals.clear()
        for each in old:
            if each.package:
                self.propose_add(each.user_id, each.package)
            else:
                self.propose_remove(each.user_id)
        return list(self.proposals.values())

    def accept(self, user_id: int, commit: Commit, welcome: Welcome | None) -> Accepted:
        """Move to the next epoch by this user's commit; an invalid one raises and changes nothing."""
        self._check_origin(user_id, commit)
        committed = self._check_proposals(user_id, commit)
        welcomes = _cut(committed, welcome)
        if not self.established:
            self.leaves = [user_id]
            own = self.add_of(user_id)
            if own and own.package:
                self._signature_keys[user_id] = own.package.leaf.signature_key
        self._apply(committed)
        self.proposals.clear()
        self.epoch += 1
        stayed = [user for user in self.leaves if user is not None and user not in welcomes]
        return Accepted(stayed, welcomes)

    def _check_origin(self, user_id: int, commit: Commit) -> None:
        if commit.group_id != self.group_id:
            raise RefusedError("a commit to another group")
        if commit.epoch != self.epoch:
            raise RefusedError(f"a commit of epoch {commit.epoch} in epoch {self.epoch}")
        if self.established and user_id not in self.staying:
            raise RefusedError("a commit by someone who is not in the group")
        if commit.sender_leaf != (self.leaves.index(user_id) if self.established else 0):
            raise RefusedError("a commit from another member's leaf")
        known_key = self._signature_keys.get(user_id)
        if commit.path_leaf and known_key and commit.path_leaf.signature_key != known_key:
            raise RefusedError("a commit that changes its author's signature key")
        if commit.path_leaf and commit.path_leaf.identity != user_id.to_bytes(8, "big"):
            raise RefusedError("a commit that changes its author's credential")

    def _check_proposals(self, user_id: int, commit: Commit) -> list[Proposed]:
        if not commit.refs or len(set(commit.refs)) != len(commit.refs):
            raise RefusedError("a commit without proposals, or with one twice")
        expected = set(self.proposals)
        if not self.established:  # nobody adds themself to their own group
            own = self.add_of(user_id)
            expected -= {own.signed.ref} if own else set()
        if expected != set(commit.refs):
            raise RefusedError("a commit that does not have exactly the proposals in flight")
        return [self.proposals[ref] for ref in commit.refs]

    def _apply(self, committed: list[Proposed]) -> None:
        """Change the leaves: removes first, then each Add at the leftmost blank, in the commit's order."""
        for each in committed:
            if each.package is None:
                self.leaves[self.leaves.index(each.user_id)] = None
        for each in committed:
            if each.package is not None:
                self._signature_keys[each.user_id] = each.package.leaf.signature_key
                if None in self.leaves:
                    self.leaves[self.leaves.index(None)] = each.user_id
                else:
                    self.leaves.append(each.user_id)


def _cut(committed: list[Proposed], welcome: Welcome | None) -> dict[int, bytes]:
    added = {each.package.ref: each.user_id for each in committed if each.package}
    if set(added) != set(welcome.secrets if welcome else ()):
        raise RefusedError("a welcome that is not for exactly those whom the commit adds")
    return {user_id: welcome.cut(ref) for ref, user_id in added.items()} if welcome else {}
