"""Where and how a run computes, decided once and stored with the run. Start at choose."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch

from clps_core.config import RunConfig
from clps_core.errors import CheckpointError, ConfigError
from clps_core.files import parsed_json
from clps_core.words import _, ngettext

__all__ = ["Accelerator", "Placement", "available_cuda", "choose"]

MOST_THREADS = 4096


@dataclass(frozen=True)
class Placement:
    """Device (``cpu`` or ``cuda``), precision (``fp32`` or ``bf16``), CPU threads, and why.

    It is part of what makes a run repeatable: another number of threads sums in another order.
    """

    device: str
    precision: str
    threads: int
    reason: str

    def as_json(self) -> str:
        """One JSON object; ``from_json`` reads it back."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Placement:
        """Read a stored placement; raises ``CheckpointError`` where it is none."""
        try:
            values = parsed_json(text)
            device, precision, threads = str(values["device"]), str(values["precision"]), int(values["threads"])
            if device not in ("cpu", "cuda") or precision not in ("fp32", "bf16"):
                raise ValueError
            if not 1 <= threads <= MOST_THREADS:
                raise ValueError
            return cls(device, precision, threads, str(values["reason"]))
        except (ValueError, KeyError, TypeError):
            raise CheckpointError(
                _("plan.json must list the run's device, precision and threads. It cannot be read. Start a new run.")
            ) from None

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Use the placement's number of threads, and fp32 as fp32; what was set before comes back afterwards.

        Some builds and settings (``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE``) let a GPU multiply fp32 as TF32, which keeps
        10 of 23 bits: another precision than the placement says.
        """
        threads, products = torch.get_num_threads(), torch.get_float32_matmul_precision()
        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(products)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context a forward pass runs in: bf16 where chosen, else nothing."""
        if self.precision == "bf16":
            return torch.autocast(self.device, dtype=torch.bfloat16)
        return contextlib.nullcontext()


@dataclass(frozen=True)
class Accelerator:
    """What is known of the machine's GPU; passed to ``choose``, so that its logic needs none."""

    available: bool
    bf16: bool = False
    name: str = ""


def available_cuda() -> Accelerator:
    """The first CUDA device, as torch reports it."""
    if not torch.cuda.is_available():
        return Accelerator(available=False)
    return Accelerator(True, torch.cuda.is_bf16_supported(including_emulation=False), torch.cuda.get_device_name(0))


def choose(config: RunConfig, available_threads: int, accelerator: Accelerator | None = None) -> Placement:
    """Resolve ``auto`` in ``config.train`` for this machine.

    CUDA where there is one, else the CPU; bf16 on a GPU that computes in it, else fp32 (on a CPU bf16
    only pays with AMX, so it is used there only when asked for). ``config.train.threads`` wins over
    ``available_threads``. Raises ``ConfigError`` where CUDA or bf16 is asked for and missing.
    """
    gpu = accelerator if accelerator is not None else available_cuda()
    wanted, threads = config.train, config.train.threads or max(1, available_threads)
    if wanted.device == "cuda" and not gpu.available:
        raise ConfigError(_("device cuda must have a CUDA GPU. None was found. Use device auto or cpu."))
    if wanted.device == "cpu" or not gpu.available:
        why = _("the config asks for the CPU") if wanted.device == "cpu" else _("no CUDA GPU was found")
        precision = "bf16" if wanted.precision == "bf16" else "fp32"
        reason = ngettext(
            "CPU, {threads} thread, {precision}: {why}.",
            "CPU, {threads} threads, {precision}: {why}.",
            threads,
            threads=threads,
            precision=precision,
            why=why,
        )
        return Placement("cpu", precision, threads, reason)
    if wanted.precision == "bf16" and not gpu.bf16:
        raise ConfigError(
            _("precision bf16 must have a GPU that supports it. {gpu} does not. Use auto or fp32.", gpu=gpu.name)
        )
    precision = "bf16" if gpu.bf16 and wanted.precision != "fp32" else "fp32"
    if wanted.precision == "fp32":
        why = _("the config asks for fp32")
    else:
        why = _("the GPU supports bf16") if gpu.bf16 else _("the GPU does not support bf16")
    reason = _("CUDA ({gpu}), {precision}: {why}.", gpu=gpu.name, precision=precision, why=why)
    return Placement("cuda", precision, threads, reason)
