"""Fine-tunes the last layers of an encoder on training sentences; what comes out is an encoder like any other.

The lower layers stay frozen: they are the cheaper two thirds of a step on a processor, and few sentences can't teach them
much. The result lies under the cache by the digest of all that it depends on, so the same config is trained once.
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
from bh_lib.lab.encoder import cache_folder, find_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["tune_encoder"]

_BATCH: Final = 32
_HEAD_RATE: Final = 2e-3
_WARM: Final = 0.06
_SCALE: Final = 16.0
"""Embeddings have length one, which is too short for a head to reach sure answers within a few hundred steps."""


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


def _embedding(torch: Any, model: Any, frozen: int, layers: int, ids: Any, mask: Any) -> Any:
    kept = mask.to(torch.float32)
    bias = ((kept - 1) * 1e4)[:, None, None, :]
    with torch.no_grad():
        hidden = model.embeddings(input_ids=ids)
    for number, layer in enumerate(model.encoder.layer[:layers]):
        with torch.set_grad_enabled(number >= frozen):
            hidden = layer(hidden, attention_mask=bias)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    kept = kept.unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * kept).sum(1) / kept.sum(1).clamp(min=1), dim=1)


def _learn(torch: Any, model: Any, tokens: Any, labels: Any, weights: Any, frozen: int, layers: int, plan: Any) -> None:
    epochs, rate, seed = plan
    tuned = [each for layer in model.encoder.layer[frozen:layers] for each in layer.parameters()]
    head = torch.nn.Linear(model.config.hidden_size, labels.shape[1])
    torch.nn.init.normal_(head.weight, std=0.05)
    torch.nn.init.constant_(head.bias, -4.0)
    steps = max(1, int(epochs * len(tokens) / _BATCH))
    optimizer = torch.optim.AdamW(
        [{"params": tuned, "lr": rate}, {"params": head.parameters(), "lr": _HEAD_RATE}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (_WARM * steps)) * (1 - step / steps)
    )
    positives = labels.sum(0)
    rarity = ((len(labels) - positives) / positives.clamp(min=1)).sqrt()
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    model.train()
    for _, places in zip(range(steps), _batches(tokens, Random(seed)), strict=False):  # noqa: S311 - an order, not a secret
        ids, mask = _padded(torch, tokens, places)
        logits = head(_SCALE * _embedding(torch, model, frozen, layers, ids, mask))
        loss = loss_of(logits, labels[places], weight=weights[places, None], pos_weight=rarity)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*tuned, *head.parameters()], 1.0)
        optimizer.step()
        schedule.step()


def tune_encoder(
    texts: Sequence[str],
    labels: NDArray[Any],
    weights: NDArray[Any],
    *,
    encoder: str | os.PathLike[str] | None = None,
    layers: int = 6,
    tuned_layers: int = 3,
    epochs: float = 3.0,
    rate: float = 2e-4,
    max_tokens: int = 96,
    seed: int = 7,
) -> Path:
    """Fine-tune, and give the folder of the tuned encoder.

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
    max_tokens, seed : int

    Raises
    ------
    InputError
        If there is nothing to learn from, or the encoder has fewer layers.
    """
    if not len(texts):
        raise InputError("there are no training sentences")
    start = find_encoder(encoder)
    told = [layers, tuned_layers, epochs, rate, max_tokens, seed, 1]
    digest = hashlib.sha256(json.dumps([told, list(texts)]).encode())
    for part in (labels.tobytes(), weights.tobytes(), (start / "model.safetensors").read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    target = cache_folder() / "tuned" / digest.hexdigest()[:24]
    if (target / "model.safetensors").is_file():
        return target
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
    _learn(torch, model, tokens, truth, counts, max(0, layers - tuned_layers), layers, (epochs, rate, seed))
    made = target.with_suffix(f".{os.getpid()}.made")
    model.save_pretrained(str(made))
    shutil.copyfile(start / "tokenizer.json", made / "tokenizer.json")
    shutil.rmtree(target, ignore_errors=True)
    made.replace(target)
    return target
