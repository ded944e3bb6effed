from .action import HumanActionWrapper, VPTActionWrapper
from .choices import ChoicesActionWrapper
from .conversion import as_gymnasium
from .episode_seeds import EpisodeSeeds
from .frame_key import FrameKeyWrapper
from .item_reward import DIAMOND_PICKAXE, ItemReward, ItemRewardWrapper, count_items
from .labels import RecordsLabels, label_next_step
from .observation import VPTObsWrapper
from .recorder import RecorderWrapper
from .video_recorder import VideoRecorderWrapper

__all__ = [
    "DIAMOND_PICKAXE",
    "ChoicesActionWrapper",
    "EpisodeSeeds",
    "FrameKeyWrapper",
    "HumanActionWrapper",
    "ItemReward",
    "ItemRewardWrapper",
    "RecorderWrapper",
    "RecordsLabels",
    "VPTActionWrapper",
    "VPTObsWrapper",
    "VideoRecorderWrapper",
    "as_gymnasium",
    "count_items",
    "label_next_step",
]
