from .config import MineCLIPConfig
from .network import MineCLIPNetwork
from .scorer import MineCLIP
from .tokenizer import tokenize

__all__ = [
    "MineCLIP",
    "MineCLIPConfig",
    "MineCLIPNetwork",
    "tokenize",
]
