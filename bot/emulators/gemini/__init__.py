"""A Gemini on loopback: it measures what it hears, sees and reads, and answers from that.

The Live websocket answers in spoken words, the REST half (`rest_*`; `media_*` measures for it) in text.
"""
