"""What the process shows over HTTP on the loopback address: health and metrics."""
