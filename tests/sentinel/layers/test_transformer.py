"""Layer 2 runs what was exported and nothing else: bytes first, then sentences."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from bh_lib.errors import InputError, IntegrityError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.layers.transformer import FORMAT, Head, TransformerLayer

IDS = load_taxonomy().ids
WORDS = {"[UNK]": 0, "die": 1, "relapsed": 2, "slept": 3, "well": 4, ".": 5}


def sealed(folder, **changes):
    """Write a manifest that holds for the files as they stand."""
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.onnx", "tokenizer.json", "heads.json")
    }
    manifest = {"format": FORMAT, "kind": "onnx", "name": "tiny", "max_tokens": 16, "window": 1, "files": files}
    manifest |= {"taxonomy_version": load_taxonomy().version, **changes}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def exported(tmp_path):
    """A bag of words as a model: the word 'die' raises SH-001, 'relapsed' raises SU-002."""
    onnx = pytest.importorskip("onnx")
    tokenizers = pytest.importorskip("tokenizers")
    table = np.full((len(WORDS), len(IDS)), 0.0, dtype=np.float32)
    table[WORDS["die"], IDS.index("SH-001")] = 20
    table[WORDS["relapsed"], IDS.index("SU-002")] = 20
    h = onnx.helper
    nodes = [
        h.make_node("Gather", ["table", "input_ids"], ["each"]),
        h.make_node("Cast", ["attention_mask"], ["float_mask"], to=1),
        h.make_node("Unsqueeze", ["float_mask", "axis"], ["mask"]),
        h.make_node("Mul", ["each", "mask"], ["kept"]),
        h.make_node("ReduceSum", ["kept", "sum_axis"], ["summed"], keepdims=0),
        h.make_node("Add", ["summed", "bias"], ["logits"]),
    ]
    constants = {"table": table, "axis": np.array([2]), "sum_axis": np.array([1]), "bias": np.array([-10], dtype=np.float32)}
    ins = [h.make_tensor_value_info(name, 7, ["b", "t"]) for name in ("input_ids", "attention_mask")]
    outs = [h.make_tensor_value_info("logits", 1, ["b", len(IDS)])]
    graph = h.make_graph(nodes, "g", ins, outs, [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), str(tmp_path / "model.onnx"))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    heads = [{"flag_id": f, "slope": 1.0, "intercept": 0.0, "threshold": None if f == "HO-001" else 0.5} for f in IDS]
    (tmp_path / "heads.json").write_text(json.dumps({"heads": heads}))
    return sealed(tmp_path)


TEXT = "Slept well. She relapsed. Wants to die, relapsed too. Die."


def test_each_sentence_raises_what_stands_in_it(exported):
    mentions = TransformerLayer.load(exported).mentions(read_document(TEXT))
    assert [(m.flag_id, m.sentence, TEXT[m.start : m.end]) for m in mentions] == [
        ("SU-002", 1, "She relapsed."),
        ("SH-001", 2, "Wants to die, relapsed too."),
        ("SU-002", 2, "Wants to die, relapsed too."),
        ("SH-001", 3, "Die."),
    ]
    assert all(m.layer == "transformer" and m.confidence > 0.99 and m.cues[0].startswith("tiny@") for m in mentions)


def test_a_sentence_scores_the_same_whatever_stands_beside_it(exported):
    layer = TransformerLayer.load(exported)
    many = ["die", "slept well " * 5, "relapsed"] * 30
    together = layer.score(many)
    assert np.allclose(together, [layer.score([each])[0] for each in many], atol=1e-6)
    assert len(together[0]) == len(IDS)


def test_nothing_in_gives_nothing_out(exported):
    layer = TransformerLayer.load(exported)
    assert layer.score([]) == [] and layer.mentions(read_document("")) == []


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "heads.json"])
def test_one_changed_byte_is_refused_and_the_file_named(exported, name):
    data = bytearray((exported / name).read_bytes())
    data[len(data) // 2] ^= 1
    (exported / name).write_bytes(data)
    with pytest.raises(IntegrityError, match=name):
        TransformerLayer.load(exported)


def test_a_missing_file_is_refused(exported):
    (exported / "heads.json").unlink()
    with pytest.raises(IntegrityError, match=r"heads\.json"):
        TransformerLayer.load(exported)


def test_a_manifest_cannot_reach_outside_of_its_folder(exported):
    (exported / "manifest.json").write_text((exported / "manifest.json").read_text().replace('"heads.json"', '"../heads.json"'))
    with pytest.raises(IntegrityError, match="outside"):
        TransformerLayer.load(exported)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"taxonomy_version": "0.9"}, "another taxonomy"), ({"format": "pickle"}, "format"), ({"kind": "tfidf"}, "can run")],
)
def test_a_model_of_another_kind_or_taxonomy_is_refused(exported, change, said):
    with pytest.raises(InputError, match=said):
        TransformerLayer.load(sealed(exported, **change))


def test_heads_in_another_order_are_refused(exported):
    heads = json.loads((exported / "heads.json").read_text())["heads"]
    (exported / "heads.json").write_text(json.dumps({"heads": heads[::-1]}))
    with pytest.raises(InputError, match="in the order"):
        TransformerLayer.load(sealed(exported))


def test_curves_are_read_and_ones_that_are_none_are_refused(exported):
    heads = json.loads((exported / "heads.json").read_text())
    for curves in ({"pattern": [0.5, -1]}, {"pattern": [0.5]}, ["pattern"]):
        (exported / "heads.json").write_text(json.dumps({**heads, "curves": curves}))
        sealed(exported)
        if curves == {"pattern": [0.5, -1]}:
            assert TransformerLayer.load(exported).curves == {"pattern": (0.5, -1.0)}
            continue
        with pytest.raises(InputError, match="needs heads"):
            TransformerLayer.load(exported)


def test_a_folder_without_a_manifest_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        TransformerLayer.load(tmp_path)


def spread(sentences):
    """Raises SH-002 only where two sentences are read together."""
    return np.array([[9.0 if f == "SH-002" and "gun" in s and "tonight" in s else -9.0 for f in IDS] for s in sentences])


def test_a_window_finds_what_no_sentence_says_alone():
    text = "I have the gun. It ends tonight. Fine."
    alone = TransformerLayer(spread, [Head(f) for f in IDS])
    wide = TransformerLayer(spread, [Head(f) for f in IDS], window=2)
    assert alone.mentions(read_document(text)) == []
    assert [(m.flag_id, text[m.start : m.end]) for m in wide.mentions(read_document(text))] == [
        ("SH-002", "I have the gun. It ends tonight.")
    ]


def test_a_window_does_not_repeat_what_a_sentence_said():
    layer = TransformerLayer(spread, [Head(f) for f in IDS], window=3)
    mentions = layer.mentions(read_document("The gun, tonight. Fine. Fine."))
    assert [(m.sentence, m.start, m.end) for m in mentions] == [(0, 0, 17)]


def test_a_flag_that_was_never_learned_is_never_raised():
    layer = TransformerLayer(lambda s: np.full((len(s), len(IDS)), 50.0), [Head(f, threshold=None) for f in IDS])
    assert layer.mentions(read_document("Anything.")) == []


def test_loading_and_running_brings_in_no_torch_and_no_mlflow(exported):
    code = (
        "import sys; from bh_lib.sentinel.layers.transformer import TransformerLayer\n"
        "assert not {'numpy', 'onnxruntime', 'tokenizers'} & set(sys.modules)\n"
        f"TransformerLayer.load({str(exported)!r}).score(['die'])\n"
        "assert not {'torch', 'mlflow', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
