"""What became of the datagrams that a call received, as plain counters."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class ReceiveStats:
    """Counted since the call began. The first group says how datagrams ended."""

    datagrams: int = 0
    not_rtp: int = 0
    """Discovery replies, keepalive echoes, rubbish."""
    other_media: int = 0
    """RTCP, camera video: any payload type that isn't voice."""
    no_key: int = 0
    """Came before the session description."""
    not_authentic: int = 0
    """Refused by the transport cipher: another key, truncated, forged."""
    malformed: int = 0
    """Authentic, but with padding or a header extension longer than the packet."""
    unmapped: int = 0
    """Of an SSRC whose person stayed unknown until the frame was too old, or one too many."""
    unconsented: int = 0
    """Dropped before decryption: the person has not consented to being heard."""
    plaintext: int = 0
    """Not end-to-end encrypted where it had to be."""
    undecrypted: int = 0
    """End-to-end encrypted, and not to be decrypted in time or at all."""
    dropped: int = 0
    """Held or waiting when its person left, changed their SSRC, withdrew consent, or the call was reset."""
    late: int = 0
    duplicate: int = 0
    undecodable: int = 0
    """Refused by Opus."""
    silence: int = 0
    heard: int = 0
    """Packets decoded."""

    # Not how a datagram ended, but what happened on the way, and what stands for those that never came.
    held: int = 0
    """Frames that had to wait for their person or their key, whatever became of them."""
    named: int = 0
    """SSRCs whose person was found out by the key that opens what they send."""
    far_off: int = 0
    """Packets with a sequence number far from the last; two in a row restart the person's stream."""
    missing: int = 0
    """Sequence numbers given up as lost."""
    recovered: int = 0
    """Frames that Opus restored from the copy in the next packet (FEC)."""
    concealed: int = 0
    """Frames that Opus invented in place of lost ones."""
    muted: int = 0
    """Frames of silence in place of lost ones beyond what can be concealed."""

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)
