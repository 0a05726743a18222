"""Everything that is asked in one request: from a posted picture, video, recording or PDF to the answer."""
