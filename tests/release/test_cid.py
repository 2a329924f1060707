"""Content ids against known ones.

Where the known ids come from: npm ``ipfs-unixfs-importer`` 17.1.1 (the importer
of js-ipfs and Helia) over the bytes ``pattern`` makes, with a fixed-size chunker
and the balanced layout, options as in IPIP-499: chunk 1 MiB, 1024 links, raw
leaves, CIDv1; or 256 KiB, 174 links, wrapped leaves, CIDv0. The small trees use
chunks of 100 bytes and 3 links, so that they are several levels deep. The id of
the empty folder is the one every IPFS node knows.
"""

from __future__ import annotations

import io

import pytest

from neuralbum.errors import ParameterError, ToolError
from neuralbum.release.car import CarWriter, header, read_car
from neuralbum.release.cid import (
    PROFILES,
    Profile,
    add_file,
    add_folder,
    add_tree,
    cid_bytes,
    cid_of_bytes,
    cid_of_file,
    cid_text,
)

V1, V0 = PROFILES["unixfs-v1-2025"], PROFILES["unixfs-v0-2015"]
SMALL = {"v1": Profile("small", 100, 3, True, 1), "v0": Profile("small", 100, 3, False, 0)}


def pattern(n: int) -> bytes:
    """n bytes of a linear congruential generator (1103515245, 12345), its top bytes, from 1."""
    data, state = bytearray(n), 1
    for i in range(n):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        data[i] = state >> 24
    return bytes(data)


@pytest.fixture(scope="module")
def bytes_() -> bytes:
    return pattern(1_100_000)


@pytest.mark.parametrize(
    ("profile", "n", "known"),
    [
        (V1, 0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (V1, 1, "bafkreicvtlvnbate2v4v2oijoggn2bnl2skxf2cp4vkzb3xtdkekbd677u"),
        (V1, 1_048_576, "bafkreidtzwqoi5v4fkrc6d2egsxrsm5rq63az2hosssywgdxjldb4nliry"),
        (V1, 1_048_577, "bafybeif4jq75xjpbervn3ogfeduyc3xl3e5uskfrda34k5vnk4rncvpi5i"),
        (V0, 0, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"),
        (V0, 1, "QmRy2a1t6YSCiqXbkUQ1xQtXUQzX4mXmdzjLGey6884Uhb"),
        (V0, 262_144, "QmdK8ZTiWxxiyFpQyiw9zwE51M8kVDsxf37mcz85E5MYGp"),
        (V0, 262_145, "QmSc9NmeaHq27NpZyXgS8cqfjRH6ksSEqhY5rFTU3NU8qp"),
        (V0, 1_048_577, "QmPXpHZdBhdRrt2hJtc3pyJGD9v4NNXSG79fBQwASPbmvj"),
        (SMALL["v1"], 300, "bafybeic4cs3xps62x7kqcq5pu6t4sw3koibxcj5hi4umnth6pbiw2yaszu"),
        (SMALL["v1"], 301, "bafybeiatrnnetrfwclyzfkp3o4j2cbaf4uwqqfj4jzprk4eallhruc63ua"),
        (SMALL["v1"], 901, "bafybeibst76m4vgddtgpa3jrysqdfrbfni3kf5652siwng2hhit3bcref4"),
        (SMALL["v1"], 2750, "bafybeidcp47gzqoftynn4iuj7geofsx75n753626iqrzig6ruklcaqcxay"),
        (SMALL["v0"], 301, "QmPt5jAtALfDsqZnKBDNWaUa8NT44QtPqCo8ogb9xhAaun"),
        (SMALL["v0"], 2750, "QmVsh77AXAbtJLY5xxQqN8ALZkn348DDNBowpadrVVMnba"),
    ],
)
def test_files_have_the_ids_the_reference_importer_gives(bytes_, profile, n, known):
    assert add_file(io.BytesIO(bytes_[:n]), profile).text == known


@pytest.mark.parametrize(
    ("profile", "known"),
    [
        (V1, "bafybeih5inyxefaa4oela3w2mk2x7zluataxjoefiufd6wodfmfibzvaa4"),
        (V0, "QmZe8CRXscUxULbbS4dUnDDH3S4euUkUHmp3ekYWN2HeFz"),
    ],
)
def test_folders_have_the_ids_the_reference_importer_gives(bytes_, profile, known):
    sizes = {"b.txt": 5, "a.txt": 7, "sub/é.txt": 1_100_000}
    files = {name: add_file(io.BytesIO(bytes_[:n]), profile) for name, n in sizes.items()}
    assert add_tree(files, profile).text == known


def test_the_empty_folder_is_the_one_everybody_knows():
    assert add_folder({}, V0).text == "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    assert add_folder({}, V1).text == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def test_the_same_bytes_have_another_id_under_another_profile(tmp_path):
    path = tmp_path / "song.flac"
    path.write_bytes(b"x" * 300_000)
    assert cid_of_file(path) == cid_of_bytes(b"x" * 300_000)
    assert cid_of_file(path, "unixfs-v0-2015").startswith("Qm")
    with pytest.raises(ParameterError, match="choose one of unixfs-v1-2025"):
        cid_of_file(path, "v1")


@pytest.mark.parametrize("profile", [V0, V1])
def test_an_id_is_read_back_from_its_text(profile):
    cid = add_file(io.BytesIO(b"song"), profile).cid
    assert cid_bytes(cid_text(cid)) == cid


def test_a_car_holds_each_block_once_and_each_under_its_own_name(tmp_path):
    path = tmp_path / "album.car"
    with CarWriter(path, n_roots=1, cid_version=1) as car:
        song = add_file(io.BytesIO(b"s" * 250), SMALL["v1"], car.add)
        twin = add_file(io.BytesIO(b"s" * 250), SMALL["v1"], car.add)
        root = add_folder({"a": song, "b": twin}, SMALL["v1"], car.add)
        car.roots = [root.cid]
    blocks = dict(read_car(path))
    assert len(blocks) == 4  # 100 bytes of s, 50 bytes of s, the file, the folder
    assert len(list(read_car(path))) == 4
    assert root.cid in blocks


def test_a_car_header_is_the_one_the_specification_shows():
    # ipld.io/specs/transport/car/carv1: a2 65 "roots" 81 d8 2a 58 25 00 <CID> 67 "version" 01, after its length
    cid = add_file(io.BytesIO(b"song"), V1).cid
    assert header([cid]) == b"\x3a\xa2eroots\x81\xd8\x2a\x58\x25\x00" + cid + b"gversion\x01"


@pytest.mark.parametrize("where", [-1, -40])
def test_a_damaged_car_is_noticed(tmp_path, where):
    path = tmp_path / "album.car"
    with CarWriter(path, n_roots=1, cid_version=1) as car:
        car.roots = [add_file(io.BytesIO(b"song" * 20), V1, car.add).cid]
    data = bytearray(path.read_bytes())
    data[where] ^= 1
    path.write_bytes(data)
    with pytest.raises(ToolError, match="damaged or cut short"):
        list(read_car(path))
    path.write_bytes(bytes(data[:-5]))
    with pytest.raises(ToolError, match="damaged or cut short"):
        list(read_car(path))
