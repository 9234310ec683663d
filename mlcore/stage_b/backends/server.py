"""A server with the OpenAI chat interface writes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from mlcore.errors import ConfigError, InfrastructureError
from mlcore.stage_b.backends.config import ServerBackend
from mlcore.stage_b.backends.protocol import Question, Reply, cut_at_stop, draw_seed
from mlcore.stage_b.ticket import Decode

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 20.0


class ServerWriter:
    """Asks many questions at a time. Every answer has its own seed, so that neither order nor
    company changes it, as far as the server keeps its word."""

    model_digest: str | None = None

    def __init__(self, config: ServerBackend, *, seed: int, max_prompt_tokens: int) -> None:
        self._config, self._seed, self._limit = config, seed, max_prompt_tokens
        headers = {}
        if config.key_variable:
            key = os.environ.get(config.key_variable)
            if not key:
                raise ConfigError(
                    f"the environment variable {config.key_variable} is not set on this host",
                    hint="Set it for the worker, or empty key_variable.",
                )
            headers["Authorization"] = f"Bearer {key}"
        self._http = httpx2.Client(
            timeout=config.timeout_s, headers=headers, follow_redirects=False
        )
        self.about: Mapping[str, Any] = {"type": "server", "model": config.model}

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        with ThreadPoolExecutor(self._config.concurrency) as pool:
            return list(pool.map(lambda question: self._one(question, decode), questions))

    def _one(self, question: Question, decode: Decode) -> Reply:
        response = self._post(self._body(question, decode), question.name)
        if response.status_code == httpx2.codes.BAD_REQUEST and "context length" in response.text:
            return Reply(None, "the server says that the prompt is too long")
        if response.status_code != httpx2.codes.OK:
            raise ConfigError(
                f"the server refuses the request: {response.status_code} {response.text[:300]}",
                hint="Look at url, model and the sampling values.",
                where=question.name,
            )
        try:
            body = response.json()
            choice = body["choices"][0]
            text, usage = str(choice["message"]["content"] or ""), body.get("usage") or {}
            finished = choice.get("finish_reason") == "stop"
            tokens = [int(usage.get(k, 0)) for k in ("prompt_tokens", "completion_tokens")]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InfrastructureError(
                f"the server's answer is no chat completion: {error!r}", where=question.name
            ) from error
        if tokens[0] > self._limit:
            return Reply(None, f"a prompt of {tokens[0]} tokens, most is {self._limit}", tokens[0])
        return Reply(cut_at_stop(text, decode.stop), "", tokens[0], tokens[1], finished)

    def _body(self, question: Question, decode: Decode) -> dict[str, Any]:
        seed = self._seed if decode.seed is None else decode.seed
        body: dict[str, Any] = {
            "model": self._config.model,
            "messages": [{"role": turn.role, "content": turn.text} for turn in question.turns],
            "temperature": decode.temperature,
            "top_p": decode.top_p,
            "max_tokens": decode.max_new_tokens,
            "repetition_penalty": decode.repetition_penalty,
            "seed": draw_seed(seed, question),
            "n": 1,
            "stream": False,
            "chat_template_kwargs": {"enable_thinking": False},
        }
        if decode.stop:
            body["stop"] = list(decode.stop)
        return body

    def _post(self, body: Mapping[str, Any], where: str) -> httpx2.Response:
        """The response, once the server is well enough to give one."""
        wait = _FIRST_WAIT_S
        problem = ""
        for attempt in range(1, self._config.tries + 1):
            try:
                response = self._http.post(
                    f"{self._config.url.rstrip('/')}/chat/completions", json=body
                )
            except httpx2.TransportError as error:
                problem = repr(error)
            else:
                if response.status_code not in _AGAIN:
                    return response
                problem = f"{response.status_code} {response.text[:200]}"
            if attempt < self._config.tries:
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_S)
        raise InfrastructureError(
            f"the server did not answer in {self._config.tries} tries: {problem}",
            hint="See whether it runs and is reachable from this host.",
            where=where,
        )
