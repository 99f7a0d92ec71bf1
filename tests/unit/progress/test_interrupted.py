"""Ctrl-C in Snakemake's own process, with our display."""

import os
import signal

import pytest
from snakemake.settings.types import OutputSettings

from disentangle.progress import handler


def test_ctrl_c_is_sent_again_to_jobs_that_were_just_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent_again = []
    monkeypatch.setattr(handler, "stop_just_begun", lambda: sent_again.append(True))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    display = handler.LogHandler(OutputSettings(), None)
    try:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert sent_again == [True]
    finally:
        signal.signal(signal.SIGINT, before)
        display.close()
