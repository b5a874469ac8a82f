"""Asks servers that speak as OpenAI's do: llama-server, Ollama, LM Studio, vLLM, NIM, Dynamo.

    [models.big]
    engine = "openai"
    urls = ["http://127.0.0.1:8080/v1"]

One owner of its HTTP client; see `load` for how servers are found out about, `engine` for how rows
are sent, sent again and given up.
"""

from workers.engines.openai.access import check_addresses
from workers.engines.openai.load import ask_servers, load_servers

__all__ = ["ask_servers", "check_addresses", "load_servers"]
