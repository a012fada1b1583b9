from __future__ import annotations

from hone.present.plot_style import COLORS, escape_label, pick_color


def test_names_are_no_markup_for_plotly():
    assert escape_label("<b>a</b> & %{x}") == "&lt;b>a&lt;/b> &amp; % {x}"


def test_colors_repeat_after_the_last_one():
    assert [pick_color(number) for number in (0, 1, COLORS)] == ["c0", "c1", "c0"]
