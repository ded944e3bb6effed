from .action import HumanActionWrapper, VPTActionWrapper
from .choices import ChoicesActionWrapper
from .conversion import as_gymnasium
from .episode_seeds import EpisodeSeeds
from .frame_key import FrameKeyWrapper
from .item_reward import DIAMOND_PICKAXE, ItemReward, ItemRewardWrapper, count_items
from .labels import RecordsLabels, label_next_step
from .mineclip_reward import MineCLIPReward
from .observation import VPTObsWrapper
from .recorder import RecorderWrapper
from .score_modes import ScoreThreshold
from .video_recorder import VideoRecorderWrapper
from .video_scores import FrameScorer, VideoScorer

__all__ = [
    "DIAMOND_PICKAXE",
    "ChoicesActionWrapper",
    "EpisodeSeeds",
    "FrameKeyWrapper",
    "FrameScorer",
    "HumanActionWrapper",
    "ItemReward",
    "ItemRewardWrapper",
    "MineCLIPReward",
    "RecorderWrapper",
    "RecordsLabels",
    "ScoreThreshold",
    "VPTActionWrapper",
    "VPTObsWrapper",
    "VideoRecorderWrapper",
    "VideoScorer",
    "as_gymnasium",
    "count_items",
    "label_next_step",
]
