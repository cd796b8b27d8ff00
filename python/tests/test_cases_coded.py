"""Timelines, and what was coded about cases."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile

import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

# Two spaces, comments, single quotes, an element and an attribute nobody knows: all must stay.
QDE = """<?xml version='1.0' encoding="utf-8"?>
<!-- written by hand -->
<Project  xmlns="urn:QDA-XML:project:1.0" name='Interviews' origin="a program" x="&lt;1">
  <Users><User guid="11111111-0000-4000-8000-000000000001" name="R1"/></Users>
  <CodeBook>
    <Codes>
      <Code guid="11111111-0000-4000-8000-000000000002" name="barriers" isCodable="true" color='#FF0000'>
        <Description>what stands in the way &amp; more</Description>
        <Code guid="11111111-0000-4000-8000-000000000003" name="language" isCodable="true"/>
      </Code>
    </Codes>
  </CodeBook>
  <Cases>
    <Case guid="11111111-0000-4000-8000-000000000004" name="K1">
      <SourceRef targetGUID="11111111-0000-4000-8000-000000000005"/>
    </Case>
  </Cases>
  <Sources>
    <TextSource guid="11111111-0000-4000-8000-000000000005" name="interview 1" plainTextPath="internal://t.txt">
      <PlainTextSelection guid="11111111-0000-4000-8000-000000000006" startPosition="2" endPosition="5">
        <Coding guid="11111111-0000-4000-8000-000000000007" creatingUser="11111111-0000-4000-8000-000000000001">
          <CodeRef targetGUID="11111111-0000-4000-8000-000000000003"/>
        </Coding>
      </PlainTextSelection>
    </TextSource>
  </Sources>
  <Notes><Note guid="11111111-0000-4000-8000-000000000008" name="memo"><PlainTextContent>ask again</PlainTextContent></Note></Notes>
  <vendor:Extra xmlns:vendor="urn:x" keep="  me  "><![CDATA[ <raw> ]]></vendor:Extra>
</Project>
"""
TEXT = "\N{LATIN SMALL LETTER E WITH ACUTE}\N{GRINNING FACE}taal was moeilijk"


def package(qde: str | bytes = QDE, **files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.qde", qde)
        archive.writestr("sources/t.txt", TEXT)
        archive.writestr("sources/unknown.bin", bytes(range(256)))
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


@pytest.fixture
def written(tmp_path):
    def write(data: bytes, name: str = "a.qdpx"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_q4_reads_codes_sources_selections_codings_cases_notes(written):
    project = kp.cases.read_qdpx(written(package()))
    assert repr(project) == "<Project of 1 sources, 2 codes, 1 codings>"
    codes = project.codes()
    assert codes["path"].tolist() == ["barriers", "barriers / language"]
    assert codes["depth"].tolist() == [0, 1]
    assert codes["colour"].tolist() == ["#FF0000", None]
    assert codes["description"][0] == "what stands in the way & more"
    selection = project.selections()
    # Characters, not bytes nor UTF-16 units.
    assert selection["text"].tolist() == ["taa"]
    coding = project.codings()
    assert coding["code_name"].tolist() == ["language"]
    assert coding["source_name"].tolist() == ["interview 1"]
    assert project.cases()["target"].tolist() == ["11111111-0000-4000-8000-000000000005"]
    assert project.notes()["text"].tolist() == ["ask again"]
    assert project.users()["name"].tolist() == ["R1"]
    assert project.text("11111111-0000-4000-8000-000000000005") == TEXT


def test_q4_an_unchanged_project_is_written_as_it_was_read(written, tmp_path):
    data = package()
    project = kp.cases.read_qdpx(written(data))
    assert project.write(tmp_path / "b.qdpx").read_bytes() == data
    again = pickle.loads(pickle.dumps(project))
    assert again.write(tmp_path / "c.qdpx").read_bytes() == data


def test_q4_case_attributes_go_in_and_nothing_else_changes(written, tmp_path):
    project = kp.cases.read_qdpx(written(package()))
    changed = project.with_values(
        {"case": ["K1"], "cluster": ["slow & late"], "gap": [0.25], "quarters": [7], "ever": [True]}
    )
    path = changed.write(tmp_path / "b.qdpx")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["project.qde", "sources/t.txt", "sources/unknown.bin"]
        assert archive.read("sources/unknown.bin") == bytes(range(256))
        qde = archive.read("project.qde").decode()
    # Taking out what was put in gives the bytes that were read.
    start, end = qde.index("<Variables>"), qde.index("</Variables>") + len("</Variables>")
    rest = qde[:start] + qde[end:]
    start, end = rest.index("<VariableValue>"), rest.rindex("</VariableValue>")
    rest = rest[:start] + rest[end + len("</VariableValue>") :]
    assert rest == QDE
    values = kp.cases.read_qdpx(path).variables()
    assert values["variable"].tolist() == ["cluster", "gap", "quarters", "ever"]
    assert values["type"].tolist() == ["Text", "Float", "Integer", "Boolean"]
    assert values["value"].tolist() == ["slow & late", "0.25", "7", "true"]
    again = changed.with_values({"case": ["K1"], "cluster": ["slow & late"]})
    assert again.write(tmp_path / "c.qdpx").read_bytes() == path.read_bytes()
    gone = changed.with_values({"case": ["K1"], "cluster": [None], "gap": [0.5]})
    assert gone.variables()["value"].tolist() == ["0.5", "7", "true"]
    # The same change twice gives the same file.
    twice = project.with_codes([("new", "language", "#00FF00", "x")])
    assert twice.codes()["guid"].tolist() == (
        project.with_codes([("new", "language", "#00FF00", "x")]).codes()["guid"].tolist()
    )


def test_changes_only_the_tag_of_the_code_that_is_changed(written, tmp_path):
    project = kp.cases.read_qdpx(written(package()))
    changed = project.recode({"barriers": {"colour": "#0072B2", "name": 'a "b"'}})
    with zipfile.ZipFile(changed.write(tmp_path / "b.qdpx")) as archive:
        qde = archive.read("project.qde").decode()
    assert qde == QDE.replace('name="barriers"', 'name="a &quot;b&quot;"').replace(
        "color='#FF0000'", "color='#0072B2'"
    )


def test_codebooks(written, tmp_path):
    book = (
        '<?xml version="1.0" encoding="utf-8"?><CodeBook xmlns="urn:QDA-XML:codebook:1.0"><Codes>'
        '<Code guid="11111111-0000-4000-8000-000000000002" name="a" isCodable="true"/></Codes></CodeBook>'
    )
    read = kp.cases.read_qdc(written(book.encode(), "a.qdc"))
    grown = read.with_codes([("b", "a")])
    assert grown.codes()["path"].tolist() == ["a", "a / b"]
    assert kp.cases.read_qdc(grown.write(tmp_path / "b.qdc")).codes()["name"].tolist() == ["a", "b"]
    with pytest.raises(InputError, match="is a codebook"):
        kp.cases.read_qdpx(tmp_path / "a.qdc")


def bomb() -> bytes:
    return package(big=bytes(64 << 20))


def slip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("project.qde", QDE)
        archive.writestr(zipfile.ZipInfo(name), b"x")
    return out.getvalue()


def lying() -> bytes:
    """Declare less than it unpacks to."""
    data = bytearray(package(QDE + " " * 5000))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(mark)
        data[start + at : start + at + 4] = struct.pack("<I", 100)
    return bytes(data)


def entity(body: str, doctype: str = "") -> bytes:
    return package(
        f'<?xml version="1.0"?>{doctype}<Project xmlns="urn:QDA-XML:project:1.0" name="x">'
        f"<Description>{body}</Description></Project>"
    )


HOSTILE = {
    "no zip": (b"PK\x03\x04 and then nothing", "no zip archive"),
    "empty": (b"", "not a REFI-QDA project"),
    "cut short": (package()[:-200], "no zip archive"),
    "bomb": (bomb(), "unpacks to more than"),
    "lying about its size": (lying(), "`path`"),
    "traversal": (slip("../../etc/cron.d/x"), "points outside"),
    "traversal on windows": (slip("sources\\..\\..\\x"), "points outside"),
    "absolute": (slip("/etc/passwd"), "points outside"),
    "drive": (slip("C:/x"), "points outside"),
    "no project": (slip("a")[:0] + b"PK\x05\x06" + bytes(18), "no project.qde"),
    "external entity": (
        entity("&x;", '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "document type declaration",
    ),
    "billion laughs": (entity("&a;", '<!DOCTYPE p [<!ENTITY a "&b;&b;">]>'), "document type"),
    "undefined entity": (entity("&x;"), "entity that XML does not define"),
    "not closed": (package(QDE[:-20]), "no XML"),
    "wrong nesting": (package(QDE.replace("</Cases>", "</Case>")), "no XML"),
    "not utf-8": (package(QDE.encode("utf-16")), "not UTF-8"),
    "deep": (entity("<a>" * 5000 + "</a>" * 5000), "inside each other"),
    "version": (package(QDE.replace("project:1.0", "project:3.0")), "got version 3.0"),
    "another namespace": (package(QDE.replace("urn:QDA-XML", "urn:other")), "another namespace"),
    "another root": (package("<html/>"), "expected a root Project"),
    "guid twice": (
        package(QDE.replace('000000000003" name', '000000000002" name')),
        "Code number 1 .from 0. occurs before",
    ),
    "guid that is none": (
        package(QDE.replace("11111111-0000-4000-8000-000000000008", "8")),
        "Note number 0",
    ),
    "attribute twice": (package(QDE.replace('name="K1"', 'name="K1" name="K2"')), "twice"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_by_name_and_nothing_is_written(kind, written, tmp_path):
    data, match = HOSTILE[kind]
    path = written(data)
    with pytest.raises(InputError, match=match):
        kp.cases.read_qdpx(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.qdpx"]


def test_a_refused_change_leaves_the_file(written, tmp_path):
    path = written(package())
    project = kp.cases.read_qdpx(path)
    with pytest.raises(InputError, match="no such case"):
        project.with_values({"case": ["K1", "nobody"], "x": [1, 2]})
    with pytest.raises(InputError, match="type the variable has"):
        project.with_values({"case": ["K1"], "x": [1]}).with_values({"case": ["K1"], "x": ["a"]})
    with pytest.raises(InputError, match="a colour such as"):
        project.with_codes([("a", None, "red")])
    with pytest.raises(InputError, match="no such parent code"):
        project.with_codes([("a", "nothing")])
    with pytest.raises(InputError, match="cannot be written"):
        project.write(tmp_path / "no" / "such" / "folder.qdpx")
    assert path.read_bytes() == package()


def test_code_tables_of_programs():
    nvivo = {
        "File Name": ["a", "b"],
        "Code": ["x", "y"],
        "Coded Text": ["t", "u"],
        "User": ["R1", "R2"],
    }
    read = kp.cases.code_table(nvivo, "nvivo")
    assert {name: own.tolist() for name, own in read.items()} == {
        "source": ["a", "b"], "code": ["x", "y"], "text": ["t", "u"], "coder": ["R1", "R2"],
    }  # fmt: skip
    # the coded segments of MAXQDA, which names columns in the language it runs in
    english = (
        "Document group", "Document name", "Code", "Begin", "End", "Segment", "Coverage %",
    )  # fmt: skip
    german = (
        "Farbe", "Kommentar", "Dokumentgruppe", "Dokumentname", "Code", "Anfang", "Ende", "Gewicht",
        "Segment", "Bearbeitet von", "Bearbeitet am", "Erstellt von", "Erstellt am", "Fläche",
        "Abdeckungsgrad %",
    )  # fmt: skip
    own = kp.cases.code_table({name: [f"<{name}>"] for name in english}, "maxqda")
    assert {name: cells[0] for name, cells in own.items()} == {
        "source": "<Document name>", "code": "<Code>", "case": "<Document group>",
        "text": "<Segment>",
    }  # fmt: skip
    own = kp.cases.code_table({name: [f"<{name}>"] for name in german}, "maxqda")
    assert {name: cells[0] for name, cells in own.items()} == {
        "source": "<Dokumentname>", "code": "<Code>", "case": "<Dokumentgruppe>",
        "text": "<Segment>", "coder": "<Erstellt von>",
    }  # fmt: skip
    older = {name: [f"<{name}>"] for name in german if not name.endswith(" von")}
    own = kp.cases.code_table(older | {"Autor": ["R1"]}, "maxqda")
    assert own["coder"].tolist() == ["R1"]
    # the coding report of NVivo has one name for code and file, the second as pandas calls it
    extract = {
        "Hierarchical Name": ["Nodes\\\\barriers\\language"],
        "Folder Location": ["Files"],
        "Hierarchical Name.1": ["Files\\\\interview 1"],
        "Coded Text": ["t"],
    }
    read = kp.cases.code_table(extract, "nvivo")
    assert read["code"].tolist() == ["Nodes\\\\barriers\\language"]
    assert read["source"].tolist() == ["Files\\\\interview 1"]
    assert read["text"].tolist() == ["t"]
    # the quotation export of ATLAS.ti
    names = (
        "ID", "Quotation Name", "Document", "Document Groups", "Quotation Content", "Comment",
        "Codes", "Reference", "Density", "Created by", "Modified by", "Created", "Modified",
    )  # fmt: skip
    atlas = {name: [f"<{name}>"] for name in names} | {"Codes": ["a\nb"]}
    read = kp.cases.code_table(atlas, "atlas.ti", several="\n")
    assert read["code"].tolist() == ["a", "b"]
    assert read["case"].tolist() == ["<Document Groups>"] * 2
    assert read["coder"].tolist() == ["<Created by>"] * 2
    with pytest.raises(InputError, match="no column for source"):
        kp.cases.code_table({"Code": ["x"]}, "nvivo")


@pytest.fixture(scope="module")
def lives():
    return kp.Spells(
        {
            "pid": [7001, 7001, 7002, 7002, 7003],
            "start": ["2010-02-10", "2011-03-01", "2010-05-05", "2010-05-20", "2012-01-01"],
            "end": ["2011-02-28", None, "2010-05-19", "2013-08-31", "2012-12-31"],
            "status": ["jobseeker", "employee", "sick", "employee", "secret service"],
        },
        person="pid", start="start", end="end", state="status", name="jobs",
    )  # fmt: skip


def test_q3_a_page_needs_no_network_and_runs_no_code(lives, tmp_path):
    events = {
        "pid": [7001, 7002],
        "day": ["2011-01-15", "2010-06-01"],
        "event": ["<b>arrival</b>", "x"],
    }
    page = kp.cases.timeline(lives, people={7001: "A & B", 7002: "C"}, events=events)
    for forbidden in ("<script", 'http-equiv="refresh', "url(http", "<b>", "@import", "src="):
        assert forbidden not in page.html
    assert page.svg.count("http") == 1
    assert "http://www.w3.org/2000/svg" in page.svg
    assert "A &amp; B" in page.svg
    assert "<title>jobseeker, 2010-02-10 to 2011-02-28</title>" in page.svg
    assert "7001" not in page.svg
    assert page.write(tmp_path / "a.html").read_text(encoding="utf-8") == page.html
    assert page.account.steps[-1].adds_up


def test_q3_privacy_hides_dates_rare_states_and_identifiers(lives):
    private = kp.cases.Privacy(dates="quarter", rare=2)
    page = kp.cases.timeline(lives, people=[7001, 7002, 7003], privacy=private)
    for told in ("2010-02-10", "secret", "sick", "7001", "<title>"):
        assert told not in page.svg
    assert "other" in page.svg
    assert "employee" in page.svg
    # The fortnight of sickness lies within a quarter.
    step = page.account.steps[-1]
    assert [(e.reason, e.count.rows) for e in step.excluded] == [
        ("too short for the coarsened calendar", 1)
    ]
    assert any("first day of their quarter" in note for note in page.notes)
    shifted = [
        kp.cases.timeline(lives, people=[7001], privacy=kp.cases.Privacy(None, 40, 1, seed)).svg
        for seed in (1, 1, 2)
    ]
    assert shifted[0] == shifted[1] != shifted[2]


def test_q2_pairs_are_aligned_at_the_start(lives):
    page = kp.cases.timeline(
        lives, people=[7001, 7002], align={7001: "2011-03-01", 7002: "2010-05-20"},
        events={"pid": [7001], "day": ["2011-03-01"], "event": ["hired"]},
    )  # fmt: skip
    assert "years since the start" in page.svg
    assert "1 hired (start)" in page.svg
    starts = [part.split('"')[1] for part in page.svg.split("<rect x=")[1:]]
    # The spells that begin on each one's day begin at one place.
    assert starts[1] == starts[3]


def test_timelines_say_what_is_wrong(lives):
    with pytest.raises(InputError, match="persons with a spell"):
        kp.cases.timeline(lives, people=[7001, 1])
    with pytest.raises(InputError, match="each person once"):
        kp.cases.timeline(lives, people=[7001, 7001])
    with pytest.raises(InputError, match="a day of each person"):
        kp.cases.timeline(lives, people=[7001], align={7002: "2011-03-01"})
    with pytest.raises(InputError, match="no Spells"):
        kp.cases.timeline([1, 2])
    sequences = kp.trajectory.Sequences({"a": ["x", "y"], "b": ["x", "x"]})
    with pytest.raises(InputError, match="one clock"):
        kp.cases.timeline({"jobs": lives, "states": sequences})
    with pytest.raises(InputError, match="colours such as"):
        kp.cases.timeline(lives, people=[7001], colours={"employee": "url(http://x)"})
    assert "position" in kp.cases.timeline(sequences).svg
