from .camera_entry import Camera
from .codec import NULL_CODE, canonical, code_space, decode, encode
from .coverage import Coverage
from .human import BUTTONS, HumanAction, human_action, human_action_space, no_op
from .keyed import Key, KeyedTranslator
from .protocol import Translator
from .translate import translator_for

__all__ = [
    "BUTTONS",
    "NULL_CODE",
    "Camera",
    "Coverage",
    "HumanAction",
    "Key",
    "KeyedTranslator",
    "Translator",
    "canonical",
    "code_space",
    "decode",
    "encode",
    "human_action",
    "human_action_space",
    "no_op",
    "translator_for",
]
