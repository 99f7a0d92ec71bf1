"""Stop jobs that were being started when Ctrl-C was pressed.

A terminal sends the signal to every process, but one between fork and exec loses it: it would run
to its end while Snakemake waits. Such a job has nothing to save, so a second signal is safe. Older
jobs are left to stop by themselves. So is what starts later: it may cancel jobs on a cluster.
"""

import signal
import threading
import time

import psutil

WINDOW = 1.0
"""Seconds before Ctrl-C in which a job counts as just begun."""

PAUSE = 0.5
"""Seconds after which the signal is sent again: time enough for fork and exec."""


def stop_just_begun() -> threading.Timer:
    """Send SIGINT, after a pause, to each process under this one that began just before now.

    Returns:
        The timer that does it.
    """
    now = time.time()
    timer = threading.Timer(PAUSE, _interrupt_begun_between, (now - WINDOW, now))
    timer.daemon = True
    timer.start()
    return timer


def _interrupt_begun_between(earliest: float, latest: float) -> None:
    for process in psutil.Process().children(recursive=True):
        try:
            if earliest <= process.create_time() <= latest:
                process.send_signal(signal.SIGINT)
        except psutil.NoSuchProcess:  # it has stopped by itself
            continue
