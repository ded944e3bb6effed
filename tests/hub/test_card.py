"""Cards: what the Hub's own library reads of them, and what a person does."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard

from tests.support.counter_demos import write_counter_demo
from tests.support.frame_counter_env import counter_frame
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.actions.human import human_action
from vpt_gym.agents.checkpoints.card import model_card
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.demos import DemoWriter
from vpt_gym.demos.exchange.hub import demos_card
from vpt_gym.hub import About, Card, SuccessRate
from vpt_gym.hub.card import front_matter

STRANGE = [
    "yes",
    "no",
    "null",
    "1.5",
    "-",
    "a: b",
    "# c",
    "é",
    "",
    "'",
    '"',
    "[x]",
    "n<1K",
    "two\nlines",
    "\x85\x1b[2J",
    "- d",
]


@pytest.mark.parametrize("text", STRANGE)
def test_any_text_is_the_same_text_for_a_reader_of_yaml(text: str) -> None:
    front = front_matter({"one": text, "many": [text, "x"], "deep": [{"name": text, "value": 0.5}]})
    read = yaml.safe_load(front)
    harmless = text.replace("\n", "\\n").replace("\x85", "\\x85").replace("\x1b", "\\x1b")
    assert read.get("one", "") == harmless
    assert read["many"] == [harmless, "x"]
    assert read["deep"][0]["value"] == 0.5


def test_empty_entries_are_left_out() -> None:
    assert front_matter({"license": "", "tags": [], "x": None, "viewer": False}) == "viewer: false\n"


def test_the_hub_reads_the_front_matter_of_an_agent() -> None:
    about = About(license="apache-2.0", tags=("trees",), success=SuccessRate(9, 12, "vpt_gym/Harvest1Log-v0"))
    card = ModelCard(model_card(small_policy(), SMALL, about, source="org/wood").text())
    data = card.data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "vpt-gym", "reinforcement-learning")
    assert data.tags == ["vpt-gym", "vpt", "minecraft", "trees"]
    (result,) = data.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == (
        "vpt_gym/Harvest1Log-v0",
        "success_rate",
        0.75,
    )


def test_a_card_says_what_it_is_and_how_to_load_it() -> None:
    about = About(data="40 demos.", recipe="`bc.py`", figures="30 of 50", limits="Only trees.")
    text = model_card(small_policy(), SMALL, about, source="org/wood").text()
    assert "\n# wood\n" in text
    assert 'VPTAgent.from_pretrained("org/wood")' in text
    assert "vpt-gym play --agent org/wood" in text
    assert "8,641 combinations of buttons" in text
    points = [line for line in text.splitlines() if line.startswith("* **")]
    assert [point.split("**")[1] for point in points] == ["Data", "Recipe", "Figures", "Limits", "Licence"]
    assert points[3:] == ["* **Limits**: Only trees.", "* **Licence**: not stated"]
    inverse = IDMAgent.from_config(IDMConfig.named("nano"), seed=0)
    text = model_card(inverse.model, inverse.model.config, About(title="labels"), source="org/idm").text()
    assert "# labels\n" in text
    assert 'IDMAgent.from_pretrained("org/idm")' in text
    assert "pipeline_tag" not in text


@pytest.mark.parametrize("source", ["runs/a", "my agent", 'a"b', "a\\b", "it's", "$(x)", "a\nb", "ä"])
def test_what_a_card_tells_to_load_is_the_folder_whatever_its_name(source: str) -> None:
    text = model_card(small_policy(), SMALL, About(), source=source).text()
    literal = re.search(r"from_pretrained\((.*)\)", text)
    assert literal is not None
    assert ast.literal_eval(literal[1]) == source
    command = re.search(r"```console\n(.*?)\n```", text, re.DOTALL)
    assert command is not None
    assert shlex.split(command[1]) == ["vpt-gym", "play", "--agent", source, "--agent-first"]


def test_the_card_of_demos_counts_them(tmp_path: Path) -> None:
    for success in (True, True, False, None):
        write_counter_demo(tmp_path, ticks=5, success=success, task="count | `x`\n# no heading")
    with DemoWriter(tmp_path, metadata={"env_id": "a/B-v0", "recorded_by": "vpt-gym play"}) as writer:
        writer.append(counter_frame(0), human_action("forward"), intervention=True)
        writer.close()
    (tmp_path / "unfinished.jsonl.partial").touch()
    text = demos_card(tmp_path, About(license="cc-by-4.0", data="Counted by hand."), repo_id="org/counts").text()
    data = DatasetCard(text).data
    assert (data.license, data.pretty_name, data.size_categories) == ("cc-by-4.0", "counts", ["n<1K"])
    assert data.to_dict()["viewer"] is False
    assert "5 episodes, 21 ticks" in text
    assert "2 episodes succeeded, 1 failed, of 2 it is unknown" in " ".join(text.split())
    assert "`a/B-v0` (1)" in text
    assert "In 1 a person took over" in " ".join(text.split())
    assert "Counted by hand." in text
    assert "hf download org/counts --repo-type dataset --local-dir demos/counts" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# counts"]


def test_saving_writes_a_card_only_if_asked(tmp_path: Path) -> None:
    agent = VPTAgent.from_config(SMALL, seed=0)
    agent.save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a" / "README.md").exists()
    agent.save_pretrained(tmp_path / "a", card=About(license="mit"))
    assert ModelCard.load(tmp_path / "a" / "README.md").data.license == "mit"
    agent.save_pretrained(tmp_path / "a", card="# mine\n")
    assert (tmp_path / "a" / "README.md").read_text() == "# mine\n"
    assert VPTAgent.from_pretrained(tmp_path / "a").policy.config == SMALL


@pytest.mark.parametrize("license", ["MIT", "apache 2.0", "mit\nx: y"])
def test_a_licence_that_the_hub_does_not_know_is_an_error(license: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        About(license=license)


def test_tags_may_come_one_after_the_other() -> None:
    about = About(tags=(tag for tag in ("trees", "wood")))
    assert about == About(tags=("trees", "wood"))
    for _ in range(2):
        assert ModelCard(model_card(small_policy(), SMALL, about, source="org/wood").text()).data.tags[-1] == "wood"


@pytest.mark.parametrize("tags", ["minecraft", 3, None, (3,)])
def test_what_is_no_tuple_of_tags_is_refused(tags: object) -> None:
    with pytest.raises(ValueError, match=r"tags (is|are) .*(pass a tuple of texts|each must be a text)"):
        About(tags=tags)


def test_a_table_stays_a_table() -> None:
    text = Card("a", "b", "c", {"Data": "d"}, more="| x |\n|---|\n| 1 |").text()
    assert text.endswith("\n\n* **Data**: d\n\n| x |\n|---|\n| 1 |\n")
