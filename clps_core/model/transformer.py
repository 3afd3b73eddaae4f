"""The model of every family, built from a sharing map. Start at build_model.

A model is embeddings -> layers (-> final norm) per stack, then a head. Which weights a layer uses, what
it reads from others and how often the core runs stand in the plan; nothing here asks for a strategy's
name.

Shape letters: B examples, S input positions, T decoder positions, D d_model, V vocab_size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clps_core.config import ModelConfig, Resolved, RunConfig, sharing_plan
from clps_core.errors import ConfigError, DataError
from clps_core.model.attention import explicit_is_faster, make_mask, rotary_tables
from clps_core.model.bank import Joined, ParameterBank, make_module
from clps_core.model.embedding import Embedding
from clps_core.model.extras import BetweenLayers, layer_extras, make_extras
from clps_core.model.initial import initialise
from clps_core.model.layer import Editor, KeyValue, Layer, PartReader, Recorder, StackPass
from clps_core.shapes import block_shapes, extra_shapes, outer_shapes, stack_layers
from clps_core.sharing import SharingMap, SharingPlan, plan_of
from clps_core.words import _

__all__ = ["DecoderState", "Transformer", "build_model"]


def build_model(given: RunConfig | Resolved) -> Transformer:
    """The model of a complete config: on the CPU, in fp32, with initial values that depend on seed and map only.

    Raises ``ConfigError`` where it was not resolved (its vocabulary or lengths are unknown).
    """
    if isinstance(given, Resolved):
        return Transformer(given.config.model, given.plan, given.config.seed)
    return Transformer(given.model, sharing_plan(given.model, given.sharing), given.seed)


class Transformer(nn.Module):
    """Decoder, encoder-decoder or encoder over one ``ParameterBank``.

    ``config`` must be resolved; ``sharing`` may be any map at its sizes, or a plan (``config.sharing_plan``).
    """

    def __init__(self, config: ModelConfig, sharing: SharingMap | SharingPlan, seed: int = 0) -> None:
        super().__init__()
        _check_resolved(config)
        self.config = config
        self.plan = sharing if isinstance(sharing, SharingPlan) else plan_of(sharing)
        self.map = self.plan.map
        self._editor: Editor | None = None
        self._parts: PartReader | None = None
        blocks = {stack: block_shapes(config, stack) for stack in stack_layers(config)}
        self.bank = ParameterBank(self.map, blocks, config.norm, config.norm_eps)
        self._add_layers()
        self._add_outer_modules()
        rotary = config.positions == "rotary"
        longest = max(config.max_positions or 0, config.max_target_positions or 0)
        tables = rotary_tables(longest, config.head_size, config.rotary_base) if rotary else None
        self.register_buffer("rotary", tables, persistent=False)
        initialise(self, self.map, seed)

    def _add_layers(self) -> None:
        config, plan = self.config, self.plan
        extras = extra_shapes(config, plan)
        make_extras(self, extras)
        for stack, num_layers in stack_layers(config).items():
            layers = [
                Layer(
                    config,
                    stack,
                    layer,
                    self._weights_of(stack, layer),
                    plan.reuse[stack],
                    layer_extras(self, extras, stack, layer),
                )
                for layer in range(num_layers)
            ]
            self.add_module(f"{stack}_layers", nn.ModuleList(layers))
            self.add_module(
                f"{stack}_between", BetweenLayers(self, plan.execution[stack], plan.extras, stack, config.d_model)
            )

    def _weights_of(self, stack: str, layer: int) -> dict[str, nn.Module]:
        slots = {component: self.map.slot(stack, layer, component) for component in self.map.components(stack)}
        return {component: self.bank[slot] for component, slot in slots.items() if slot is not None}

    def _add_outer_modules(self) -> None:
        """Everything outside the map, under the names ``shapes.outer_shapes`` gives."""
        outer = outer_shapes(self.config)
        for name in dict.fromkeys(full.partition(".")[0] for full in outer):
            if name == "queries":  # a table: as of all tables, weight decay leaves it alone
                rows, width = dict(outer[name].shapes)["weight"]
                table = nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False)  # type: ignore[no-untyped-call]
                self.add_module(name, table)
            elif name in outer:
                self.add_module(name, make_module(outer[name].shapes, self.config.norm, self.config.norm_eps))
            else:
                parts = {full.partition(".")[2]: shape for full, shape in outer.items() if full.startswith(f"{name}.")}
                longest = self.longest_answer if name == "decoder_embedding" else self.config.max_positions
                self.add_module(name, Embedding(self.config, parts, longest or 0))

    def forward(
        self,
        inputs: Tensor,
        *,
        input_mask: Tensor | None = None,
        decoder_inputs: Tensor | None = None,
        recorder: Recorder | None = None,
        loops: int | None = None,
    ) -> Tensor:
        """Logits of one batch.

        ``inputs``: int64 ``[B, S]`` tokens or float ``[B, S, patch_dim]``. ``input_mask``: bool ``[B, S]``,
        True for real tokens (``None``: all). ``decoder_inputs``: int64 ``[B, T]``, for an encoder-decoder
        whose decoder reads tokens.
        ``loops``: how often the core runs, in every stack; as the map has it by default.

        Returns ``[B, S, V]`` (decoder; encoder with head ``lm``), ``[B, T, V]`` (encoder-decoder),
        ``[B, num_classes]``, ``[B, S, 2]`` (head ``span``), ``[B, S, num_classes + 1]`` (head ``ctc``, the blank last),
        ``[B, num_queries, num_classes + 1 + 4]`` (head ``boxes``, see ``found``) or, without a head, ``[B, S, D]``
        (encoder; ``[B, 1 + S, D]`` with a class token). Raises ``DataError`` for inputs longer than ``max_positions``,
        and ``ConfigError`` for another number of loops where that is fixed.
        """
        if self.config.family == "encoder_decoder":
            if decoder_inputs is None and not self.config.num_queries:
                raise DataError(
                    _("an encoder-decoder must have decoder_inputs. Got none. Pass at least the first token.")
                )
            joined = Joined()
            memory = self.encode(inputs, input_mask, recorder=recorder, joined=joined, loops=loops)
            state = self.start_decoding(memory, input_mask, recorder=recorder, joined=joined, loops=loops)
            return self._head_of_decoder(self.decode(decoder_inputs, state))
        if self.config.family == "decoder":
            state = DecoderState(None, input_mask, recorder=recorder, loops=loops)
            return self.logits(self.decode(inputs, state))
        return self._head_of_encoder(self.encode(inputs, input_mask, recorder=recorder, loops=loops), input_mask)

    @property
    def longest_answer(self) -> int:
        """Positions that the last stack has at most."""
        return self.config.decoder_positions or self.config.max_positions or 0

    @contextmanager
    def edited(self, editor: Editor | None) -> Iterator[None]:
        """Let ``editor`` change what happens inside, in every pass as long as the context lasts."""
        before, self._editor = self._editor, editor
        try:
            yield
        finally:
            self._editor = before

    @contextmanager
    def parts_read_by(self, reader: PartReader) -> Iterator[None]:
        """Tell ``reader`` of the steps inside the layers, in every recorded pass as long as the context lasts."""
        before, self._parts = self._parts, reader
        try:
            yield
        finally:
            self._parts = before

    def executed(self, stack: str, loops: int | None = None) -> tuple[int, ...]:
        """For each executed position of ``stack`` the layer that runs there, as it is edited."""
        order = cast(BetweenLayers, self._modules[f"{stack}_between"]).order(loops)
        return order if self._editor is None else self._editor.order(stack, order)

    def read_out(self, states: Tensor, input_mask: Tensor | None = None) -> Tensor:
        """What the model would return if ``states`` ``[B, T, D]`` came out of the last layer of its last stack.

        That is the final norm and the head. Raises ``ConfigError`` for a model without a head.
        """
        if self.config.output == "none":
            raise ConfigError(
                _("a model must have a head to predict anything. Got head none. Choose a run with a head.")
            )
        stack = "encoder" if self.config.family == "encoder" else "decoder"
        ended = self._ended(states, stack)
        return self._head_of_encoder(ended, input_mask) if stack == "encoder" else self._head_of_decoder(ended)

    def summands(self, stack: str, tokens: Tensor) -> tuple[Tensor, Tensor] | None:
        """What ``tokens`` ``[B, T]`` and their positions add to the input of ``stack``; see ``Embedding.summands``."""
        return self._embedding(stack).summands(tokens)

    def encode(
        self,
        inputs: Tensor,
        input_mask: Tensor | None = None,
        *,
        recorder: Recorder | None = None,
        joined: Joined | None = None,
        loops: int | None = None,
    ) -> Tensor:
        """The encoder's states ``[B, S, D]``, after its final norm; with a class token ``[B, 1 + S, D]``."""
        x_BSD = self._embedding("encoder")(inputs)
        if self.config.class_token and input_mask is not None:
            input_mask = F.pad(input_mask, (1, 0), value=True)
        size = x_BSD.shape[1]
        explicit = self._explicit("encoder", recorder, x_BSD.device, size)
        run = StackPass(
            "encoder",
            make_mask(input_mask, size, size, causal=False, like=x_BSD, explicit=explicit),
            explicit,
            joined or Joined(),
            rotary=self._rotary(0, size),
            recorder=recorder,
            editor=self._editor,
            parts=None if recorder is None else self._parts,
        )
        return self._run_layers(x_BSD, run, loops)

    def start_decoding(
        self,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        *,
        keep_past: bool = False,
        recorder: Recorder | None = None,
        joined: Joined | None = None,
        loops: int | None = None,
    ) -> DecoderState:
        """What ``decode`` needs besides tokens. With ``keep_past`` it takes the target piece by piece."""
        return DecoderState(memory, memory_mask, keep_past=keep_past, recorder=recorder, joined=joined, loops=loops)

    def decode(self, tokens: Tensor | None, state: DecoderState) -> Tensor:
        """The decoder's states ``[B, T, D]`` for ``tokens`` ``[B, T]``, after its final norm.

        With ``keep_past``, ``tokens`` are those after the ones already given. Learned queries take their place where
        the model has some: they have no order, and each sees all others (DETR, arXiv 2005.12872, section 3.2).
        """
        ordered = not self.config.num_queries
        x_BTD = self._embedding("decoder")(tokens, state.length) if ordered else self._queries(state)
        size = x_BTD.shape[1]
        keys = state.length + size
        explicit = self._explicit("decoder", state.recorder, x_BTD.device, keys)
        own_mask = state.own_mask if state.memory is None else None
        run = StackPass(
            "decoder",
            make_mask(own_mask, size, keys, causal=ordered, like=x_BTD, explicit=explicit),
            explicit,
            state.joined,
            rotary=self._rotary(state.length, keys) if ordered else None,
            recorder=state.recorder,
            editor=self._editor,
            parts=None if state.recorder is None else self._parts,
            past=state.past,
            first=state.length,
        )
        if state.memory is not None:
            source = state.memory.shape[1]
            run.memory, run.memory_kv = state.memory, state.memory_kv
            run.memory_explicit = self._patterns_wanted("decoder", state.recorder) or explicit_is_faster(
                x_BTD.device, source
            )
            run.memory_mask = make_mask(
                state.own_mask, size, source, causal=False, like=x_BTD, explicit=run.memory_explicit
            )
        if state.past is not None:
            state.length = keys
        return self._run_layers(x_BTD, run, state.loops)

    def logits(self, states: Tensor) -> Tensor:
        """``[..., D]`` states of the last stack -> ``[..., V]``; tied heads read the embedding's table."""
        if self.config.tie_embeddings == "none":
            return cast(Tensor, self.get_submodule("head")(states))
        if "head_projection" in self._modules:
            states = self.get_submodule("head_projection")(states)
        return F.linear(states, self._embedding("decoder").table)

    def found(self, states: Tensor) -> Tensor:
        """``[B, T, D]`` states of queries -> ``[B, T, num_classes + 1 + 4]``: what each of them has found, and where.

        Logits of the classes, last that of no object; then the centre (across, down), width and height of the box, as
        parts of the picture (DETR, arXiv 2005.12872, section 3.2). In fp32 at least, also under autocast.
        """
        wide = torch.promote_types(states.dtype, torch.float32)
        hidden = F.relu(self.get_submodule("box_first")(states))
        hidden = F.relu(self.get_submodule("box_second")(hidden))
        box = self.get_submodule("box_last")(hidden).to(wide).sigmoid()
        return torch.cat([self.get_submodule("head")(states).to(wide), box], -1)

    def classify(self, states: Tensor, input_mask: Tensor | None = None) -> Tensor:
        """``[B, S, D]`` encoder states -> ``[B, num_classes]``.

        Read off the pooler, else the class token's position, else the mean of real positions.
        """
        if "pooler" in self._modules:
            pooled = self.pool(states)
        elif self.config.class_token:
            pooled = states[:, 0]
        elif input_mask is None:
            pooled = states.mean(1)
        else:
            real = input_mask[:, :, None].to(states.dtype)
            pooled = (states * real).sum(1) / real.sum(1).clamp(min=1.0)
        return cast(Tensor, self.get_submodule("head")(pooled))

    def mark(self, states: Tensor) -> Tensor:
        """``[B, S, D]`` encoder states -> the head at each position.

        Head ``span``: ``[B, S, 2]``, scores as the first and as the last of a span; which positions may be marked, the
        caller knows (BERT, arXiv 1810.04805, section 4.2). Head ``ctc``: ``[B, S, num_classes + 1]``, the blank last.
        """
        return cast(Tensor, self.get_submodule("head")(states))

    def pool(self, states: Tensor) -> Tensor:
        """The pooler: tanh of a linear layer on the first position (BERT, arXiv 1810.04805)."""
        return torch.tanh(self.get_submodule("pooler")(states[:, 0]))

    def _explicit(self, stack: str, recorder: Recorder | None, device: torch.device, num_keys: int) -> bool:
        """Whether attention is computed in steps: where it is faster, or someone needs the probabilities."""
        read = self.plan.reuse[stack].read("attention_source")
        return self._patterns_wanted(stack, recorder) or bool(read) or explicit_is_faster(device, num_keys)

    def _patterns_wanted(self, stack: str, recorder: Recorder | None) -> bool:
        return recorder is not None or (self._editor is not None and self._editor.changes_patterns(stack))

    def _run_layers(self, x: Tensor, run: StackPass, loops: int | None) -> Tensor:
        layers = cast(nn.ModuleList, self._modules[f"{run.stack}_layers"])
        between = cast(BetweenLayers, self._modules[f"{run.stack}_between"])
        order, starts = self.executed(run.stack, loops), between.loop_starts(loops)
        begin = x
        for place, index in enumerate(order):
            if place in starts:
                first = place == starts[0]
                begin = x if first else begin
                x = between.injected(x, begin, first=first)
            x = between.signalled(x, place)
            if run.recorder is not None:
                run.recorder.hidden(run.stack, place, x)
            x = layers[index](x, run, place)
            if run.recorder is not None:
                run.recorder.after(run.stack, place, x)
        if run.recorder is not None:
            run.recorder.hidden(run.stack, len(order), x)
        return self._ended(x, run.stack)

    def _ended(self, x: Tensor, stack: str) -> Tensor:
        """The last layer's output after the stack's final norm, where it has one."""
        final_norm = self._modules.get(f"{stack}_final_norm")
        return x if final_norm is None else cast(Tensor, final_norm(x))

    def _queries(self, state: DecoderState) -> Tensor:
        """The learned queries ``[B, num_queries, D]``, on the scale of embeddings."""
        assert state.memory is not None
        table = self.get_parameter("queries.weight") * math.sqrt(self.config.d_model)
        return table.expand(state.memory.shape[0], -1, -1)

    def _head_of_decoder(self, states: Tensor) -> Tensor:
        return self.found(states) if self.config.output == "boxes" else self.logits(states)

    def _head_of_encoder(self, states: Tensor, input_mask: Tensor | None) -> Tensor:
        if self.config.output == "lm":  # a masked language model: every position sees all others
            return self.logits(states)
        if self.config.output in ("span", "ctc"):
            return self.mark(states)
        return self.classify(states, input_mask) if self.config.output == "classes" else states

    def _embedding(self, stack: str) -> Embedding:
        name = "embedding" if "embedding" in self._modules else f"{stack}_embedding"
        return cast(Embedding, self._modules[name])

    def _rotary(self, start: int, stop: int) -> Tensor | None:
        return self.rotary[:, start:stop] if isinstance(self.rotary, Tensor) else None


class DecoderState:
    """The memory, and with ``keep_past`` what the decoder has computed so far.

    Lives for one forward, or for one generation in which weights do not change.
    """

    def __init__(
        self,
        memory: Tensor | None,
        own_mask: Tensor | None,
        *,
        keep_past: bool = False,
        recorder: Recorder | None = None,
        joined: Joined | None = None,
        loops: int | None = None,
    ) -> None:
        self.memory = memory
        self.loops = loops
        self.own_mask = own_mask
        """Real positions of the memory, or of the decoder's own input where there is no memory."""
        self.recorder = recorder
        self.joined = joined or Joined()
        self.memory_kv: dict[tuple[nn.Module, ...], tuple[Tensor, Tensor]] = {}
        self.past: dict[int, KeyValue] | None = {} if keep_past else None
        self.length = 0


def _check_resolved(config: ModelConfig) -> None:
    missing = [
        name
        for name, wanted in (
            ("vocab_size", config.patch_dim is None or config.reads_frames),
            ("max_positions", True),
            ("num_classes", config.output in ("classes", "ctc", "boxes")),
        )
        if wanted and getattr(config, name) is None
    ]
    if missing:
        raise ConfigError(
            _("a model must have {fields}. Got none. Resolve the config, or set them.", fields=", ".join(missing))
        )
