from .dataset.cache import FrameCache
from .dataset.dataset import DemoDataset, SequenceBatch
from .dataset.native import NativeLabels
from .demo import Demo, read_demo
from .exchange.contractor_fetch import FetchResult, fetch_contractor
from .exchange.hub import PushedDemos, push_demos
from .exchange.importing import SourceError
from .exchange.lerobot import export_lerobot, import_lerobot
from .exchange.minari import export_minari, import_minari
from .exchange.npz import export_npz, import_npz
from .files.names import DemoError, list_demos
from .files.writer import DemoWriteError, DemoWriter, EpisodeSummary
from .library.checks import Problem, check, repair
from .library.stats import DemoStats, read_stats

__all__ = [
    "Demo",
    "DemoDataset",
    "DemoError",
    "DemoStats",
    "DemoWriteError",
    "DemoWriter",
    "EpisodeSummary",
    "FetchResult",
    "FrameCache",
    "NativeLabels",
    "Problem",
    "PushedDemos",
    "SequenceBatch",
    "SourceError",
    "check",
    "export_lerobot",
    "export_minari",
    "export_npz",
    "fetch_contractor",
    "import_lerobot",
    "import_minari",
    "import_npz",
    "list_demos",
    "push_demos",
    "read_demo",
    "read_stats",
    "repair",
]
