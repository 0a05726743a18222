"""Begins `python -m bot`; the commands are in command_line.py."""

import signal
import sys

if __name__ == "__main__":
    # Ctrl+C while the modules load would be a traceback: until there is a handler, it just ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bot.command_line import main

    sys.exit(main())
