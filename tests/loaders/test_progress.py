import io
import sys

from synthmix_jax.loaders import _progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_is_written_where_nobody_watches(capsys):
    assert list(_progress.track(range(3), "reading")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal(capsys, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    assert list(_progress.track(range(3), "reading")) == [0, 1, 2]
    assert "reading" in screen.getvalue()
    assert capsys.readouterr().out == ""
