"""Ctrl-C waits for work that must not stop halfway."""

from __future__ import annotations

import signal
import threading

import pytest

from hone.interrupts import delayed


def test_ctrl_c_comes_at_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with delayed():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")
        done.append("what follows")
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_left_alone():
    done = []

    def work() -> None:
        with delayed():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]
