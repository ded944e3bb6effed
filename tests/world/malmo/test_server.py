"""The server follows the MalmoEnv protocol, survives everything that clients send, and stops on request."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environment)
from tests.support.malmo_client import OK, TOKEN, MalmoClient, ServerProcess, mission_xml
from vpt_gym.actions.human import BUTTONS, HumanAction
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.malmo import MalmoServer, connection
from vpt_gym.world.malmo.connection import LONGEST_MESSAGE

SIZE = (48, 64)
KEYS = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "use", "attack", "drop", "pickItem")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("--port", "0", "--level", "easy", "--stats", "minimal")
    yield process
    process.close()


def random_actions(seed: int, n: int) -> list[HumanAction]:
    """Returns actions that walk, look around and dig, and press every other key now and then."""
    rng = np.random.default_rng(seed)
    actions: list[HumanAction] = []
    while len(actions) < n:
        likely = dict.fromkeys(("forward", "attack", "jump", "left", "sprint"), 0.4)
        action: HumanAction = {name: int(rng.random() < likely.get(name, 0.05)) for name in BUTTONS}
        action["inventory"] = 0  # MineDojo has no such key
        action["camera"] = rng.normal(0.0, (2.0, 8.0)).astype(np.float32)
        actions += [action] * int(rng.integers(1, 12))
    return actions[:n]


def body_of(action: HumanAction) -> str:
    """Returns what MineDojo with keyboard control sends for a human action."""
    pitch, yaw = (float(degrees) for degrees in action["camera"])
    keys = (*KEYS, *(f"hotbar.{n}" for n in range(1, 10)))
    return "\n".join([f"camera {pitch} {yaw}", *(f"{key} {action[key]}" for key in keys)])


def upright(picture: bytes, size: tuple[int, int]) -> np.ndarray:
    """Converts the bytes of a frame to the layout of an observation, (3, H, W)."""
    return np.frombuffer(picture, np.uint8).reshape(*size, 3)[::-1].transpose(2, 0, 1)


def test_the_messages_of_an_episode(server: ServerProcess) -> None:
    client = MalmoClient(server.port)
    client.send(b"<Quit/>")
    assert client.receive() == OK
    picture, info = client.begin(mission_xml("1", SIZE))
    assert len(picture) == SIZE[0] * SIZE[1] * 3
    again, same_info = client.begin(mission_xml("1", SIZE))  # a second mission on the same connection
    assert (again, same_info) == (picture, info)
    _, info = client.step("camera 0.0 90.0\nforward 1")
    assert info["yaw"] == pytest.approx((same_info["yaw"] + 90 + 180) % 360 - 180)
    client.send(b"<StepClient1>forward 0</StepClient1 >")  # 1 and 3: without info
    assert len(client.receive()) == len(picture)
    assert len(client.receive()) == 10
    client.send(b"<Echo/>")
    assert client.receive() == b"<Echo><Echo/></Echo>"
    client.send(b"<Status/>")
    assert client.receive() == b"{}"
    client.send(b"<Disconnect/>")
    assert client.is_closed()
    client.close()


@pytest.mark.parametrize(("seed", "level"), [(3, "easy"), (4, "default")])
def test_pixels_and_player_are_those_of_the_environment(seed: int, level: str) -> None:
    server = ServerProcess("--level", level, "--stats", "minimal")
    client = MalmoClient(server.port)
    env = VoxelEnv(level=level, image_size=SIZE)
    obs, _ = env.reset(seed=seed)
    # MineDojo cannot send seed 0; 3.0 and 3 are the same
    picture, info = client.begin(mission_xml(f"{seed}.0", SIZE))
    moved = set()
    for action in [None, *random_actions(seed, 300)]:
        if action is not None:
            obs, *_ = env.step(action)
            picture, info = client.step(body_of(action))
        player = env.state.player[0]
        seen = [info[name] for name in ("xpos", "ypos", "zpos", "yaw", "pitch", "current_item_index")]
        assert seen == [player.x, player.y, player.z, player.yaw, player.pitch, player.slot]
        np.testing.assert_array_equal(upright(picture, SIZE), obs["rgb"])
        held = [(slot["name"].replace("_", " "), slot["quantity"]) for slot in info["inventory"][:36]]
        assert held == list(zip(obs["inventory"]["name"].tolist(), obs["inventory"]["quantity"].tolist(), strict=True))
        moved.add((info["xpos"], info["zpos"]))
    assert len(moved) > 100
    client.close()
    server.close()


def test_worlds_of_missions_without_a_seed_are_those_of_reset() -> None:
    server = ServerProcess("--level", "easy", "--seed", "5")
    env = VoxelEnv(level="easy", image_size=SIZE)
    for seed in (5, None, None):
        obs, _ = env.reset(seed=seed)
        client = MalmoClient(server.port)
        picture, _ = client.begin(mission_xml("", SIZE))
        np.testing.assert_array_equal(upright(picture, SIZE), obs["rgb"])
        client.close()
    client = MalmoClient(server.port)  # the token can also contain a seed
    obs, _ = env.reset(seed=77)
    picture, _ = client.begin(mission_xml("", SIZE), TOKEN + b":77")
    np.testing.assert_array_equal(upright(picture, SIZE), obs["rgb"])
    client.close()
    server.close()


def test_a_command_without_effect_is_reported_once(server: ServerProcess) -> None:
    for _ in range(2):
        client = begun(MalmoClient(server.port))
        for _ in range(2):
            client.step("craft boat")
        client.step("craftNearby diamond_pickaxe")
        client.close()
    assert server.line() == "WARN: 'craft boat' does nothing: the embedded world cannot make that"
    assert server.line().startswith("WARN: 'craftNearby diamond_pickaxe' does nothing")
    assert server.no_more_lines()


# -- bad input


def begun(client: MalmoClient) -> MalmoClient:
    client.begin(mission_xml("1"))
    return client


BAD_MESSAGES = {
    b"<Nonsense/>": "unknown message '<Nonsense/>'",
    b"": "unknown message ''",
    b"\xff\xfe" * 100: r"unknown message '\\xff",
    b"<StepClient0>forward 1": "is not <StepClientN>COMMANDS",
    b"<StepClient0>fly 1</StepClient0 >": "unknown command 'fly 1'",
    b"<StepClient0>forward 2</StepClient0 >": "'forward 2' is not possible; a key is 0 (up) or 1 (down)",
    b"<StepClient0>camera 1</StepClient0 >": "'camera 1' is not possible",
    b"<StepClient0>camera nan 0</StepClient0 >": "'camera nan 0' is not possible",
    b"<StepClient0>camera 0 1e308\ncamera 0 1e308</StepClient0 >": "the camera commands of one tick add up to",
    b"<StepClient0>swapInventoryItems 0 41</StepClient0 >": "it takes two slots from 0 to 40",
    b"<StepClient0>chat /summon ghast ~1 ~0 ~1</StepClient0 >": "cannot do '/summon ghast ~1 ~0 ~1': the embedded",
    b"<StepClient0>chat hello</StepClient0 >": "cannot do 'hello'",
    b"<StepClient0>chat </StepClient0 >": "cannot do ''",
    b"<StepClient0>\xff</StepClient0 >": "unknown command",
    b"<StepClient0>" + b"a" * 100_000 + b"</StepClient0 >": "unknown command 'aaa",
}


def assert_refused(server: ServerProcess, client: MalmoClient, error: str) -> None:
    """Asserts that the server reports the reason, closes this connection, and serves the next one."""
    assert client.is_closed()
    line = server.line()
    assert line.startswith("ERROR: ")
    assert error in line
    client.close()
    again = MalmoClient(server.port)
    begun(again).step("forward 1")
    again.close()
    assert server.no_more_lines()


@pytest.mark.parametrize("message", BAD_MESSAGES, ids=lambda message: repr(message[:40]))
def test_a_bad_message_ends_only_its_connection(server: ServerProcess, message: bytes) -> None:
    client = begun(MalmoClient(server.port))
    client.send(message)
    assert_refused(server, client, BAD_MESSAGES[message])


@pytest.mark.parametrize(
    ("hello", "error"),
    [
        (b"<MalmoEnv0.36.0/>", "this server speaks <MalmoEnv0.37.0/> only"),
        (b"GET / HTTP/1.1\r\n\r\n", "a message of 18 bytes was announced; the limit is 17"),
        (b"<MalmoEnv0.37.0/", "the first message is '<MalmoEnv0.37.0/'"),
    ],
)
def test_another_version_is_refused(server: ServerProcess, hello: bytes, error: str) -> None:
    assert_refused(server, MalmoClient(server.port, hello), error)


def test_a_huge_message_is_refused_before_it_is_read(server: ServerProcess) -> None:
    client = MalmoClient(server.port)
    client.sock.sendall(struct.pack("!I", 0xFFFFFFFF))
    assert_refused(server, client, f"a message of 4294967295 bytes was announced; the limit is {LONGEST_MESSAGE}")


@pytest.mark.parametrize("message", [b"<Peek/>", b"<StepClient0></StepClient0 >"])
def test_a_step_needs_a_mission(server: ServerProcess, message: bytes) -> None:
    client = MalmoClient(server.port)
    client.send(message)
    assert_refused(server, client, "came without a mission; send <MissionInit> first")
    client = begun(MalmoClient(server.port))
    client.send(b"<Quit/>")
    assert client.receive() == OK
    client.send(message)
    assert_refused(server, client, "came without a mission")


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (b"<Peek/>", "the token after <MissionInit> is '<Peek/>'; it must be ID:ROLE:RESET:AGENTS:true[:SEED]"),
        (b"id:1:0:2:true", "this server plays one agent"),
        (b"id:0:0:" + b"1" * 5000 + b":true", "the token after <MissionInit> is 'id:0:0:111"),
        ("id:\u0660:0:1:true".encode(), "the token after <MissionInit> is"),
        (b"id:0:0:1:false", "synchronously"),
    ],
)
def test_a_mission_needs_its_token(server: ServerProcess, token: bytes, error: str) -> None:
    client = MalmoClient(server.port)
    client.send(mission_xml("1"))
    client.send(token)
    assert_refused(server, client, error)


def test_an_impossible_mission_is_refused_by_name(server: ServerProcess) -> None:
    client = MalmoClient(server.port)
    client.send(mission_xml(generator='<FlatWorldGenerator generatorString="1;7,2x3,2;1"/>'))
    client.send(TOKEN)
    assert_refused(server, client, "<FlatWorldGenerator> is not possible")


def test_half_closed_sockets(server: ServerProcess) -> None:
    for sent, error in (
        (struct.pack("!I", 100) + b"<Step", "in the middle of a message"),
        (b"\0\0", "in the middle of a message"),
        (struct.pack("!I", len(mission_xml())) + mission_xml(), "the token after <MissionInit> is ''"),
    ):
        client = MalmoClient(server.port)
        client.sock.sendall(sent)
        client.sock.shutdown(socket.SHUT_WR)
        assert_refused(server, client, error)


def test_a_client_that_disconnects_is_not_an_error(server: ServerProcess) -> None:
    MalmoClient(server.port, hello=None).close()
    MalmoClient(server.port).close()
    client = begun(MalmoClient(server.port))
    client.send(b"<StepClient0>forward 1</StepClient0 >")
    client.close()  # does not read its reply
    client = begun(MalmoClient(server.port))
    client.step("")
    client.close()
    assert server.no_more_lines()


def test_output_without_a_reader_does_not_end_the_server() -> None:
    process = subprocess.Popen([sys.executable, "-m", "vpt_gym.world.malmo"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline().rpartition(" ")[2])
    process.stdout.readline()
    process.stdout.close()
    client = MalmoClient(port)
    client.send(b"<Nonsense/>")
    assert client.is_closed()
    client.close()
    client = begun(MalmoClient(port))
    client.send(b"<Exit>NOW</Exit>")
    assert client.receive() == OK
    client.close()
    process.wait(60)


@pytest.fixture
def in_process() -> Iterator[tuple[MalmoServer, list[str]]]:
    lines: list[str] = []
    server = MalmoServer(level="easy", statistics="minimal", say=lines.append)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server, lines
    server.stop()
    server.stop()  # it can be called any number of times
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        MalmoClient(server.port)


def test_a_token_that_never_arrives(in_process: tuple[MalmoServer, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TOKEN_SECONDS", 0.2)
    server, lines = in_process
    client = MalmoClient(server.port)
    client.send(mission_xml("1"))
    assert client.is_closed()
    client.close()
    assert lines == ["ERROR: <MissionInit> came without its token, the message that follows it"]
    monkeypatch.setattr(connection, "TOKEN_SECONDS", 60.0)
    client = begun(MalmoClient(server.port))
    client.step("")
    client.close()


def test_stop_closes_open_connections(in_process: tuple[MalmoServer, list[str]]) -> None:
    server, lines = in_process
    client = begun(MalmoClient(server.port))
    server.stop()
    assert client.is_closed()
    client.close()
    assert lines == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"port": 70_000}, "port is 70000; it must be 0"),
        ({"level": "hard"}, "level is 'hard'; the levels are default, easy"),
        ({"seed": -1}, "seed is -1; it must not be negative"),
        ({"statistics": "some"}, "statistics is 'some'; it must be one of full, minimal"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        MalmoServer(**arguments)


# -- several clients, and the end


def test_two_clients_play_separate_worlds(server: ServerProcess) -> None:
    first, second = MalmoClient(server.port), MalmoClient(server.port)
    start, _ = first.begin(mission_xml("1", SIZE))
    other, _ = second.begin(mission_xml("2", (32, 40)))
    assert (len(start), len(other)) == (3 * 48 * 64, 3 * 32 * 40)
    _, before = second.step("")
    for _ in range(5):
        first.step("forward 1\ncamera 0 20")
    _, after = second.step("")
    assert [after[name] for name in ("xpos", "zpos", "yaw")] == [before[name] for name in ("xpos", "zpos", "yaw")]
    first.close()
    second.step("")
    second.close()


def test_exit_from_a_second_client_ends_the_process() -> None:
    # the flags of Malmo's launcher
    server = ServerProcess("-port", "0", "-env", "-runDir", "/tmp/run", "-seed", "1", "-replaceable")
    client = begun(MalmoClient(server.port))
    ending = MalmoClient(server.port)
    ending.send(b"<Exit>NOW</Exit>")
    assert ending.receive() == OK
    assert server.wait() == 0
    assert client.is_closed()
    assert server.no_more_lines()
    for end in (client, ending):
        end.close()
    server.close()


@pytest.mark.parametrize("follows", [True, False])
def test_closing_standard_input_ends_the_process_on_request(follows: bool) -> None:
    server = ServerProcess(*(["--exit-with-parent"] if follows else []))
    client = begun(MalmoClient(server.port))
    assert server.process.stdin is not None
    server.process.stdin.close()
    if follows:
        assert server.wait() == 0
        assert client.is_closed()
    else:
        for _ in range(3):
            client.step("forward 1")
        begun(MalmoClient(server.port)).close()
    client.close()
    server.close()


def test_it_exits_when_its_parent_is_killed() -> None:
    launcher = (
        "import subprocess, sys, time; command = [sys.executable, '-m', 'vpt_gym.world.malmo', '--exit-with-parent']; "
        "subprocess.Popen(command, stdin=subprocess.PIPE); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", launcher], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rpartition(" ")[2])
    client = begun(MalmoClient(port))
    parent.kill()
    parent.wait()
    assert client.is_closed()
    client.close()
    parent.stdout.read()  # ends when the last process that holds the pipe has ended
    parent.stdout.close()


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "vpt_gym.world.malmo", "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stdout.startswith(f"ERROR: cannot listen on 127.0.0.1:{port} (Address already in use")


def test_full_statistics_are_all_1819() -> None:
    def count(tree: object) -> int:
        return sum(map(count, tree.values())) if isinstance(tree, dict) else 1

    counts = {}
    for stats in ("full", "minimal"):
        server = ServerProcess("--stats", stats)
        client = MalmoClient(server.port)
        _, info = client.begin(mission_xml("1"))
        counts[stats] = count(info["stat"]) + count(info["achievement"])
        assert {"kill_entity", "use_item"} <= set(info["stat"]) or stats == "minimal"
        client.close()
        server.close()
    assert counts == {"full": 1819, "minimal": 84}
