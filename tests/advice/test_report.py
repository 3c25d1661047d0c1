"""Report and JSON: complete, strict, self-contained, and safe whatever the names hold."""

import base64
import dataclasses
import json
from html.parser import HTMLParser

import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.advice import _json, _report

EVIL = "<script>alert('1')</script>"
VERDICTS = ("use part", "use all", "use none", "no clear optimum")


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails on tags left open or crossed."""

    VOID = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def saved(make_advice, tmp_path):
    def save(*arguments, **options):
        folder = make_advice(*arguments, **options).save(tmp_path / "new" / "answer")
        page = (folder / "report.html").read_text("utf-8")
        return folder, page, json.loads((folder / "advice.json").read_text("ascii"))

    return save


@pytest.mark.parametrize("verdict", VERDICTS)
def test_saves_three_files_and_nothing_else(saved, verdict):
    folder, page, numbers = saved(verdict)
    assert {f.name for f in folder.iterdir()} == {"report.html", "curve.png", "advice.json"}
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert numbers["verdict"] == verdict
    assert numbers["summary"] in Page(page).text.replace("\xa0", " ")


def test_saves_over_an_earlier_answer(make_advice, tmp_path):
    make_advice("use all").save(tmp_path)
    make_advice("use none").save(tmp_path)
    assert json.loads((tmp_path / "advice.json").read_text())["verdict"] == "use none"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_failed_write_leaves_the_old_file_and_no_litter(make_advice, tmp_path, monkeypatch):
    advice = make_advice("use all")
    advice.save(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_report._atomic.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        make_advice("use none").save(tmp_path)
    assert json.loads((tmp_path / "advice.json").read_text())["verdict"] == "use all"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_is_a_file(make_advice, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_advice().save(tmp_path / "file")


def test_page_is_self_contained_and_accessible(saved):
    folder, text, _ = saved("use part")
    page = Page(text)
    sources = [value for _, name, value in page.attributes if name in ("src", "href")]
    assert [s.partition(",")[0] for s in sources] == ["data:image/png;base64"]
    assert base64.b64decode(sources[0].partition(",")[2]) == (folder / "curve.png").read_bytes()
    assert "http" not in page.text
    assert "@import" not in text
    assert "url(" not in text
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    [alt] = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert "least 0.281 at 41" in alt
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_everything_that_comes_from_files_is_escaped(saved, make_advice, make_table):
    settings = {**make_advice().settings, EVIL: [EVIL], "real": f"Dataset({EVIL})"}
    table = make_table(
        (EVIL, "b"),
        metrics=(EVIL, "mmd"),
        class_names=(EVIL, EVIL, "c"),
        features=EVIL,
        warnings=(EVIL,),
    )
    rows = tuple(dataclasses.replace(row, status=EVIL) for row in table.rows)
    _, text, numbers = saved(
        names=(EVIL, f'"{EVIL}'),
        warnings=(f"No point of class {EVIL}.",),
        settings=settings,
        distances=dataclasses.replace(table, rows=rows),
    )
    page = Page(text)
    assert "script" not in page.tags
    assert page.text.count(EVIL) >= 20
    assert numbers["names"] == [EVIL, f'"{EVIL}']
    assert not [pair for pair in page.attributes if pair[1].startswith("on")]


def test_names_that_no_text_can_hold(saved):
    # A file name with bytes outside UTF-8 arrives as a lone surrogate.
    _, page, numbers = saved(names=("real\udce9.npz", "日本.npz"))
    assert numbers["names"] == ["real\udce9.npz", "日本.npz"]
    assert "real?.npz" in page


def test_sections_follow_the_data(saved, make_table):
    _, plain, numbers = saved()
    assert "How far synthetic" not in plain
    assert "Before you rely on this" not in plain
    assert numbers["distances"] is None
    _, full, numbers = saved(distances=make_table(), warnings=("Careful.",))
    assert "How far synthetic" in full
    assert numbers["distances"]["rows"][0]["metric"] == "energy"
    assert numbers["distances"]["rows"][0]["excess"] == 0.3
    assert numbers["distances"]["features"] == "the features as given"
    assert "<li>Careful.</li>" in full
    assert full.index("Careful.") < full.index("<img")


def test_distances_show_all_numbers_and_fold_the_classes(saved, make_table):
    table = make_table(warnings=("A part was used.",))
    _, text, _ = saved(distances=table)
    section = text[text.index("How far synthetic") :]
    section = section[: section.index("</section>")]
    whole, folded = section.split("<details>")
    for cell in ("0.5", "0.45 to 0.55", "0.2", "0.15 to 0.25", "0.3", "0.25 to 0.35", "above"):
        assert f"<td>{cell}</td>" in whole
    assert "told apart from real data by energy and mmd." in whole
    assert "On the features as given." in whole
    assert "each single distance between 500 real and 400 synthetic ones" in whole
    assert "A part was used." in whole
    assert whole.count("<tr>") == 1 + 3
    assert folded.count("<tr>") == 1 + 3
    assert "<td>b</td>" in folded
    assert "<td>synthetic</td>" not in section  # one generator needs no name in every row


def test_distances_of_several_generators_and_of_none_computed(saved, make_table, make_row):
    _, text, numbers = saved(distances=make_table(("one", "two"), classes=0))
    assert text.count("<td>two</td>") == 3
    assert "Class by class" not in text
    lost = make_row(times=np.nan, status="did not converge")
    _, text, numbers = saved(distances=make_table(rows=(lost,)))
    assert "<td>not computed: did not converge</td>" in text
    assert numbers["distances"]["rows"][0]["value"] is None


def test_regression_has_no_misclassified_column(saved):
    _, page, numbers = saved(labels=False)
    assert "isclassified" not in page
    assert numbers["curve"]["misclassified"] is None


def test_json_holds_what_redoes_the_run(saved):
    _, _, numbers = saved()
    assert {"settings", "curve", "sweep", "kernel", "ridge", "weight", "share"} <= set(numbers)
    assert len(numbers["sweep"]["cells"]) == 4
    assert numbers["sweep"]["cells"][0]["best_count"] == 41
    assert numbers["curve"]["counts"] == numbers["sweep"]["counts"]
    assert list(numbers) == sorted(numbers)


def test_json_is_the_same_twice_and_strict(make_advice):
    advice = make_advice()
    error = advice.curve.error.copy()
    error[3] = np.nan
    broken = dataclasses.replace(
        advice, curve=dataclasses.replace(advice.curve, error=error), gain=np.nan, error=np.inf
    )
    text = _json.text(broken)
    assert text == _json.text(broken)
    assert "NaN" not in text
    assert "Infinity" not in text
    numbers = json.loads(text)
    assert numbers["curve"]["error"][3] is None
    assert numbers["gain"] is None


def test_plain_converts_every_type():
    value = {
        1: np.float32(0.5),
        "int": np.int64(3),
        "bool": np.bool_(True),
        "array": np.array([[1.0, np.nan]]),
        "jax": jnp.arange(2),
        "half": jnp.array([1.5], jnp.bfloat16),
        "set": {"b", "a"},
        "text": np.array(["a"]),
        "other": EVIL.encode,
        "deep": (1, [np.inf]),
    }
    plain = _json.plain(value)
    json.dumps(plain, allow_nan=False)
    assert plain["1"] == 0.5
    assert plain["int"] == 3
    assert plain["bool"] is True
    assert plain["array"] == [[1.0, None]]
    assert plain["jax"] == [0, 1]
    assert plain["half"] == [1.5]
    assert plain["set"] == ["a", "b"]
    assert plain["text"] == ["a"]
    assert plain["deep"] == [1, [None]]


def test_lists_of_numbers_take_one_line_and_strings_stay():
    value = {"numbers": [1, 2.5, None], "text": ["[\n 1,\n 2\n]", "a"], "empty": []}
    text = _json.dumps(value)
    assert '"numbers": [1, 2.5, null]' in text
    assert json.loads(text) == value
