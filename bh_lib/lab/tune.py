"""Fine-tunes an encoder on training sentences, with a head that looks for each flag in the tokens where it is told.

A mean over all tokens drowns the four words that matter in a long sentence, so each flag weighs the tokens for itself (label-wise
attention; Mullenbach et al., 2018); at the start all weigh the same. Word embeddings stay frozen: few sentences can't teach
them. The result lies under the cache by the digest of all that it depends on, so the same config is trained once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.lab.encoder import Encoder, cache_folder, find_encoder, quiet
from bh_lib.lab.shrink import shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["tune_classifier"]

_BATCH: Final = 32
_HEAD_RATE: Final = 2e-3
_DECAY: Final = 0.8
"""How much slower each layer learns than the one above it: what lies deep is general."""
_WARM: Final = 0.06
_SHARP: Final = 0.3
"""Scales attention, so that it moves away from even weights slowly."""
_DROPOUT: Final = 0.1


def _batches(tokens: Sequence[Sequence[int]], rng: Random) -> Iterator[list[int]]:
    """Endless batches of neighbors in length, in an order that mixes them."""
    places = list(range(len(tokens)))
    while True:
        rng.shuffle(places)
        wide = _BATCH * 20
        chunks = [sorted(places[k : k + wide], key=lambda place: len(tokens[place])) for k in range(0, len(places), wide)]
        batches = [chunk[k : k + _BATCH] for chunk in chunks for k in range(0, len(chunk), _BATCH)]
        rng.shuffle(batches)
        yield from batches


def _padded(torch: Any, tokens: Sequence[Sequence[int]], places: Sequence[int]) -> tuple[Any, Any]:
    width = max(len(tokens[place]) for place in places)
    ids = torch.zeros((len(places), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, place in enumerate(places):
        ids[row, : len(tokens[place])] = torch.tensor(tokens[place])
        mask[row, : len(tokens[place])] = 1
    return ids, mask


def _classifier(torch: Any, model: Any, layers: int, flags: int) -> Any:
    """The encoder's first layers, and for each flag a query that weighs tokens and a direction that its evidence lies in."""
    width = model.config.hidden_size

    class Classifier(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = model.embeddings
            self.layers = torch.nn.ModuleList(model.encoder.layer[:layers])
            self.query = torch.nn.Parameter(torch.zeros(flags, width))
            self.direction = torch.nn.Parameter(torch.randn(flags, width) * 0.02)
            self.bias = torch.nn.Parameter(torch.full((flags,), -4.0))
            self.dropout = torch.nn.Dropout(_DROPOUT)

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            # The mask is added here and not by the library, whose own shortcut for full masks would be frozen into the trace.
            away = (attention_mask.to(torch.float32) - 1) * 1e4
            hidden = self.embeddings(input_ids=input_ids)
            for layer in self.layers:
                hidden = layer(hidden, attention_mask=away[:, None, None, :])
                hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            hidden = self.dropout(hidden)
            looks = (hidden @ self.query.T * _SHARP + away[:, :, None]).softmax(1)
            return (looks * (hidden @ self.direction.T)).sum(1) + self.bias

    return Classifier()


def _learn(torch: Any, network: Any, tokens: Any, labels: Any, weights: Any, tuned: int, plan: tuple[float, float, int]) -> None:
    epochs, rate, seed = plan
    for frozen in (network.embeddings, *network.layers[: len(network.layers) - tuned]):
        frozen.requires_grad_(False)
    moving = list(network.layers[len(network.layers) - tuned :])
    groups = [{"params": list(layer.parameters()), "lr": rate * _DECAY**above} for above, layer in enumerate(reversed(moving))]
    groups.append({"params": [network.query, network.direction, network.bias], "lr": _HEAD_RATE})
    everything = [each for module in moving for each in module.parameters()] + [network.query, network.direction, network.bias]
    steps = max(1, int(epochs * len(tokens) / _BATCH))
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (_WARM * steps)) * (1 - step / steps)
    )
    positives = labels.sum(0)
    rarity = ((len(labels) - positives) / positives.clamp(min=1)).sqrt()
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    network.train()
    for _, places in zip(range(steps), _batches(tokens, Random(seed)), strict=False):  # noqa: S311 - an order, not a secret
        ids, mask = _padded(torch, tokens, places)
        loss = loss_of(network(ids, mask), labels[places], weight=weights[places, None], pos_weight=rarity)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(everything, 1.0)
        optimizer.step()
        schedule.step()


def _export(torch: Any, network: Any, target: Path, int8: bool) -> None:
    part = target.with_suffix(f".{os.getpid()}.part")
    mask = torch.ones((2, 9), dtype=torch.long)
    axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"}, "logits": {0: "batch"}}
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["logits"], "dynamic_axes": axes}
    with quiet(), torch.no_grad():
        torch.onnx.export(network.eval(), (mask, mask), str(part), **names, opset_version=17, dynamo=False)
    if int8:
        shrink(part, target.with_suffix(".q"))
        part.unlink()
        part = target.with_suffix(".q")
    part.replace(target)


def tune_classifier(
    texts: Sequence[str],
    labels: NDArray[Any],
    weights: NDArray[Any],
    *,
    encoder: str | os.PathLike[str] | None = None,
    layers: int = 6,
    tuned_layers: int = 6,
    epochs: float = 3.0,
    rate: float = 1.5e-4,
    max_tokens: int = 96,
    int8: bool = True,
    seed: int = 7,
) -> Encoder:
    """Fine-tune, and give a network whose output is one logit a flag.

    Parameters
    ----------
    texts : sequence of str
    labels : array, shape (texts, flags)
    weights : array, shape (texts,)
        How much each text counts.
    encoder : path, optional
        Where to begin; the embedded encoder where not given.
    layers, tuned_layers : int
        How many layers are kept, and how many of them, from the last, are trained.
    epochs, rate : float
        The last layer's learning rate; each layer below learns slower.
    max_tokens : int
    int8 : bool
        Whether the weights are rounded once they are trained.
    seed : int

    Raises
    ------
    InputError
        If there is nothing to learn from, or the encoder has fewer layers.
    """
    if not len(texts):
        raise InputError("there are no training sentences")
    start = find_encoder(encoder)
    told = [layers, tuned_layers, epochs, rate, max_tokens, int8, seed, 2]
    digest = hashlib.sha256(json.dumps([told, list(texts)]).encode())
    for part in (labels.tobytes(), weights.tobytes(), (start / "model.safetensors").read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    target = cache_folder() / "tuned" / digest.hexdigest()[:24]
    made = Encoder(target / "model.onnx", target / "tokenizer.json", digest.hexdigest(), max_tokens)
    if made.onnx.is_file():
        return made
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    torch = require("torch", extra="train")
    transformers = require("transformers", extra="train")
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    tokenizer = require("tokenizers", extra="train").Tokenizer.from_file(str(start / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    tokens = [encoded.ids for encoded in tokenizer.encode_batch(list(texts))]
    model = transformers.AutoModel.from_pretrained(str(start), local_files_only=True, attn_implementation="eager")
    if not hasattr(model, "encoder") or layers > len(model.encoder.layer):
        raise InputError("needs a BERT-like encoder with as many layers as encoder_layers asks for", path=str(start))
    truth, counts = (torch.tensor(each, dtype=torch.float32) for each in (labels, weights))
    network = _classifier(torch, model, layers, labels.shape[1])
    _learn(torch, network, tokens, truth, counts, min(layers, tuned_layers), (epochs, rate, seed))
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(start / "tokenizer.json", made.tokenizer)
    _export(torch, network, made.onnx, int8)
    return made
