"""Missions are read completely, and an unsupported element is refused by name."""

from __future__ import annotations

import pytest

from tests.support.malmo_client import mission_xml
from vpt_gym.world.catalog.blocks import BIRCH_LOG, DIRT, OAK_LOG
from vpt_gym.world.malmo.mission import Grid, Mission, MissionError, MissionItem, Placement, Ray, read_mission

CORNERS = '<min x="{}" y="{}" z="{}"/><max x="{}" y="{}" z="{}"/>'
GRID = f'<ObservationFromGrid><Grid name="voxels">{CORNERS}</Grid></ObservationFromGrid>'


def test_a_bare_mission_has_minecrafts_defaults() -> None:
    assert read_mission(mission_xml(size=(40, 56))) == Mission(height=40, width=56)


def test_a_mission_with_everything() -> None:
    xml = mission_xml(
        seed="some text",
        start=(
            "<LowLevelInputs>true</LowLevelInputs><BreakSpeedMultiplier>2.5</BreakSpeedMultiplier>"
            '<StartingHealth maxHealth="20" health="7.5"/><StartingFood food="3"/>'
            '<Inventory><InventoryObject slot="0" type="log" metadata="2" quantity="3"/>'
            '<InventoryObject slot="35" type="minecraft:dirt" quantity="64"/>'
            '<InventoryObject slot="9" type="log" metadata="0" quantity="1"/>'
            '<InventoryObject slot="40" type="air" metadata="0" quantity="1"/></Inventory>'
            '<Placement x="-3.5" y="20" z="200.25" yaw="400" pitch="-30.5"/>'
        ),
        conditions=(
            "<Time><StartTime>6000</StartTime><AllowPassageOfTime>false</AllowPassageOfTime></Time>"
            "<AllowSpawning>true</AllowSpawning><Weather>thunder</Weather>"
        ),
        observations=(
            GRID.format(-1, 0, -2, 3, 1, 2)
            + '<ObservationFromRichLidar><RayOffset pitch="0.5" yaw="-1" distance="10"/>'
            '<RayOffset pitch="0" yaw="0" distance="2.5"/></ObservationFromRichLidar>'
            '<ObservationFromFullInventory flat="false"/><ObservationFromFullStats/>'
        ),
    )
    mission = read_mission(xml)
    assert mission == Mission(
        height=48,
        width=64,
        seed="some text",
        break_speed=2.5,
        grid=Grid("voxels", (-1, 0, -2), (3, 1, 2)),
        rays=(Ray(0.5, -1.0, 10.0), Ray(0.0, 0.0, 2.5)),
        inventory=(
            MissionItem(0, BIRCH_LOG, 3),
            MissionItem(35, DIRT, 64),
            MissionItem(9, OAK_LOG, 1),
            MissionItem(40, 0, 0),
        ),
        placement=Placement(-3.5, 20.0, 200.25, 400.0, -30.5),
        health=7.5,
        food=3,
        start_time=6000,
        time_passes=False,
        weather="thunder",
    )
    assert mission.grid is not None
    assert mission.grid.shape == (5, 2, 5)


@pytest.mark.parametrize(
    ("xml", "error"),
    [
        (b"<MissionInit", "the mission is not well-formed XML"),
        (b"<MissionInit/>", "the mission has no <AgentSection>"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><MissionInit/>', "document type declaration"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><MissionInit/>'.encode("utf-16"), "the mission is not well-formed XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><MissionInit/>'.encode("utf-16-le"), "the mission is not well-formed XML"),
        (b'<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><MissionInit/>', "document type declaration"),
        (mission_xml(size=(16, 64)), "<Height> is '16'; it must be an integer from 32 to 4096"),
        (mission_xml(size=(64, 10**9)), "<Width> is '1000000000 '"),
        (mission_xml(generator='<FlatWorldGenerator generatorString=""/>'), "<FlatWorldGenerator> is not possible"),
        (
            mission_xml(generator='<BiomeGenerator biome="2"/>'),
            "<BiomeGenerator biome='2'> is not possible: .* no land that is all desert.*; it has 1 .plains.",
        ),
        (
            mission_xml(generator='<BiomeGenerator biome="3"/>'),
            "<BiomeGenerator biome='3'> is not possible.*4 .forest.",
        ),
        (mission_xml(generator='<FileWorldGenerator src="x"/>'), "<FileWorldGenerator> is not possible"),
        (mission_xml(generator="<DrawingDecorator/>"), "<DrawingDecorator> is not possible"),
        (mission_xml(generator="<VillageSpawnDecorator/>"), "<VillageSpawnDecorator> .* no villages"),
        (mission_xml(generator="<NavigationDecorator/>"), "<NavigationDecorator> is not possible"),
        (mission_xml(generator='<DefaultWorldGenerator generatorOptions="{a}"/>'), "generatorOptions='{a}'"),
        (mission_xml().replace(b'want_depth="false"', b'want_depth="true"'), "want_depth='true'> is not possible"),
        (mission_xml().replace(b"Survival", b"Creative"), "<AgentSection mode='Creative'>"),
        (mission_xml(start='<Inventory><InventoryObject slot="0" type="boat"/></Inventory>'), "no item 'boat'; its"),
        (
            mission_xml(start='<Inventory><InventoryObject slot="0" type="log" metadata="3"/></Inventory>'),
            r"no item 'log \(metadata 3\)'; its items are .*log, log \(metadata 1\), log \(metadata 2\)",
        ),
        (
            mission_xml(start='<Inventory><InventoryObject slot="36" type="dirt"/></Inventory>'),
            "slot 36 cannot hold dirt: the embedded world has no armour",
        ),
        (mission_xml(start='<Inventory><InventoryObject slot="41" type="dirt"/></Inventory>'), "slot> is '41'"),
        (
            mission_xml(start='<Inventory><InventoryObject slot="1" type="dirt" quantity="65"/></Inventory>'),
            "quantity> is '65'; it must be an integer from 0 to 64",
        ),
        (mission_xml(start="<BreakSpeedMultiplier>0</BreakSpeedMultiplier>"), "<BreakSpeedMultiplier> is '0'"),
        (mission_xml(start="<BreakSpeedMultiplier>nan</BreakSpeedMultiplier>"), "<BreakSpeedMultiplier> is 'nan'"),
        (mission_xml(start='<StartingHealth health="0"/>'), "<StartingHealth health> is '0'"),
        (mission_xml(start='<StartingHealth maxHealth="40"/>'), "<StartingHealth maxHealth> is '40'"),
        (mission_xml(start='<StartingFood food="2.5"/>'), "<StartingFood food> is '2.5'; it must be an integer"),
        (mission_xml(start='<Placement x="1" z="1"/>'), "<Placement y> is None"),
        (mission_xml(start='<Placement x="1" y="20" z="1" pitch="91"/>'), "<Placement pitch> is '91'"),
        (mission_xml(conditions="<Weather>snow</Weather>"), "<Weather> is 'snow'; it must be one of normal, clear"),
        (mission_xml(conditions="<Time><StartTime>-1</StartTime></Time>"), "<StartTime> is '-1'"),
        (
            mission_xml(conditions="<Time><AllowPassageOfTime>maybe</AllowPassageOfTime></Time>"),
            "<AllowPassageOfTime> is 'maybe'; it must be true or false",
        ),
        (mission_xml(observations=GRID.format(0, 0, 0, 99, 99, 99)), "has 1000000 cells; it must have 1 to 50000"),
        (mission_xml(observations=GRID.format(0, 0, 0, -1, 1, 1)), "has 0 cells"),
        (mission_xml(observations=GRID.format("a", 0, 0, 1, 1, 1)), "<Grid> <min x> is 'a'"),
        (mission_xml(observations=GRID.format(0, 0, 0, 1, 1, 1) * 2), "there are 2 <Grid> elements"),
        (
            mission_xml(observations=GRID.format(0, 0, 0, 1, 1, 1).replace("<Grid ", '<Grid atSpawn="true" ')),
            "<Grid atSpawn='true'> is not possible",
        ),
        (
            mission_xml(observations='<ObservationFromRichLidar><RayOffset pitch="0"/></ObservationFromRichLidar>'),
            "<RayOffset yaw> is None",
        ),
        (mission_xml(observations='<ObservationFromFullInventory flat="true"/>'), "flat='true'> is not possible"),
    ],
)
def test_an_unsupported_mission_is_refused_by_name(xml: bytes, error: str) -> None:
    with pytest.raises(MissionError, match=error):
        read_mission(xml)
