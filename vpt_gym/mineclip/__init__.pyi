from .config import MineCLIPConfig
from .scorer import MineCLIP
from .tokenizer import tokenize

__all__ = [
    "MineCLIP",
    "MineCLIPConfig",
    "tokenize",
]
