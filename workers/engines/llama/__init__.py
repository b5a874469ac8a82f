"""In-process GGUF models: many rows in one decode on llama.cpp's low-level API."""
