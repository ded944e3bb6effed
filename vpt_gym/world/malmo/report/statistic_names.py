"""Names of the 1,819 statistics that Minecraft 1.11 counts for a player, as Malmo spells them.

The statistics of an item depend on its group: every item can be used, picked up and dropped; some can be crafted, mined
or worn out.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FLAT = _words(
    """
    leave_game play_one_minute time_since_death sneak_time walk_one_cm crouch_one_cm sprint_one_cm swim_one_cm
    fall_one_cm climb_one_cm fly_one_cm dive_one_cm minecart_one_cm boat_one_cm pig_one_cm horse_one_cm
    aviate_one_cm jump items_dropped damage_dealt damage_taken deaths mob_kills animals_bred player_kills
    fish_caught talked_to_villager traded_with_villager cake_slices_eaten cauldron_filled cauldron_used
    armor_cleaned banner_cleaned brewingstand_interaction beacon_interaction dropper_inspected hopper_inspected
    dispenser_inspected noteblock_played noteblock_tuned flower_potted trapped_chest_triggered enderchest_opened
    item_enchanted record_played furnace_interaction crafting_table_interaction chest_opened sleep_in_bed
    shulker_box_opened
    """
)
"""Single counters, ``stat.NAME``."""

ACHIEVEMENTS = _words(
    """
    open_inventory mine_wood build_work_bench build_pickaxe build_furnace acquire_iron build_hoe make_bread
    bake_cake build_better_pickaxe cook_fish on_a_rail build_sword kill_enemy kill_cow fly_pig snipe_skeleton
    diamonds diamonds_to_you portal ghast blaze_rod potion the_end the_end2 enchantments overkill bookcase breed_cow
    spawn_wither kill_wither full_beacon explore_all_biomes overpowered
    """
)
"""``achievement.NAME``."""

MOBS = _words(
    """
    bat blaze cave_spider chicken cow creeper donkey elder_guardian enderman endermite evocation_illager ghast
    guardian horse husk lava_slime llama mule mushroom_cow ozelot pig pig_zombie polar_bear rabbit sheep shulker
    silverfish skeleton skeleton_horse slime spider squid stray vex villager vindication_illager witch
    wither_skeleton wolf zombie zombie_horse zombie_villager
    """
)
"""``stat.kill_entity.NAME`` and ``stat.entity_killed_by.NAME``."""

CRAFTED = _words(
    """
    acacia_boat acacia_door armor_stand arrow baked_potato banner bed beetroot_soup birch_boat birch_door
    blaze_powder boat book bowl bread brewing_stand brick bucket cake cauldron chest_minecart chorus_fruit_popped
    clock coal comparator compass cooked_beef cooked_chicken cooked_fish cooked_mutton cooked_porkchop cooked_rabbit
    cookie dark_oak_boat dark_oak_door diamond dye emerald end_crystal ender_eye fermented_spider_eye fire_charge
    flower_pot furnace_minecart glass_bottle gold_ingot gold_nugget golden_apple golden_carrot hopper_minecart
    iron_door iron_ingot iron_nugget iron_trapdoor item_frame jungle_boat jungle_door lead leather magma_cream map
    melon_seeds minecart mushroom_stew netherbrick painting paper pumpkin_pie pumpkin_seeds quartz rabbit_stew
    redstone repeater sign slime_ball speckled_melon spectral_arrow spruce_boat spruce_door stick sugar tnt_minecart
    trapdoor wheat wooden_door writable_book
    """
)
"""Items that can be crafted."""

CRAFTED_BLOCKS = _words(
    """
    acacia_fence acacia_fence_gate acacia_stairs activator_rail anvil beacon birch_fence birch_fence_gate
    birch_stairs bone_block bookshelf brick_block brick_stairs carpet chest clay coal_block cobblestone_wall
    crafting_table dark_oak_fence dark_oak_fence_gate dark_oak_stairs daylight_detector detector_rail diamond_block
    dirt dispenser dropper emerald_block enchanting_table end_bricks end_rod ender_chest fence fence_gate furnace
    glass glass_pane glowstone gold_block golden_rail hardened_clay hay_block heavy_weighted_pressure_plate hopper
    iron_bars iron_block jukebox jungle_fence jungle_fence_gate jungle_stairs ladder lapis_block lever
    light_weighted_pressure_plate lit_pumpkin magma melon_block mossy_cobblestone nether_brick nether_brick_fence
    nether_brick_stairs nether_wart_block noteblock oak_stairs observer piston planks prismarine purple_shulker_box
    purpur_block purpur_pillar purpur_slab purpur_stairs quartz_block quartz_stairs rail red_nether_brick
    red_sandstone red_sandstone_stairs redstone_block redstone_lamp redstone_torch sandstone sandstone_stairs
    sea_lantern slime snow snow_layer sponge spruce_fence spruce_fence_gate spruce_stairs stained_glass
    stained_glass_pane stained_hardened_clay sticky_piston stone stone_brick_stairs stone_button
    stone_pressure_plate stone_slab stone_slab2 stone_stairs stonebrick tnt torch trapped_chest tripwire_hook
    wooden_button wooden_pressure_plate wooden_slab wool
    """
)
"""Items that can be crafted, and mined as blocks."""

FOUND = _words(
    """
    air apple barrier bedrock beef beetroot beetroot_seeds blaze_rod bone carrot chicken chorus_fruit clay_ball
    command_block_minecart diamond_horse_armor dragon_breath egg enchanted_book ender_pearl experience_bottle
    feather filled_map firework_charge fireworks fish flint ghast_tear glowstone_dust golden_horse_armor grass_path
    gunpowder iron_horse_armor lava_bucket lingering_potion melon milk_bucket mob_spawner mutton name_tag
    nether_star nether_wart poisonous_potato porkchop potato potion prismarine_crystals prismarine_shard rabbit
    rabbit_foot rabbit_hide record_11 record_13 record_blocks record_cat record_chirp record_far record_mall
    record_mellohi record_stal record_strad record_wait record_ward reeds rotten_flesh saddle shulker_shell skull
    snowball spawn_egg spider_eye splash_potion string tipped_arrow totem_of_undying water_bucket wheat_seeds
    written_book
    """
)
"""Items that can be neither crafted nor mined."""

BLOCKS = _words(
    """
    black_shulker_box blue_shulker_box brown_mushroom brown_mushroom_block brown_shulker_box cactus
    chain_command_block chorus_flower chorus_plant coal_ore cobblestone command_block cyan_shulker_box deadbush
    diamond_ore double_plant dragon_egg emerald_ore end_portal_frame end_stone farmland gold_ore grass gravel
    gray_shulker_box green_shulker_box ice iron_ore lapis_ore leaves leaves2 light_blue_shulker_box lime_shulker_box
    log log2 magenta_shulker_box monster_egg mycelium netherrack obsidian orange_shulker_box packed_ice
    pink_shulker_box pumpkin quartz_ore red_flower red_mushroom red_mushroom_block red_shulker_box redstone_ore
    repeating_command_block sand sapling silver_shulker_box soul_sand structure_block structure_void tallgrass vine
    waterlily web white_shulker_box yellow_flower yellow_shulker_box
    """
)
"""Items that can be mined as blocks."""

CRAFTED_TOOLS = _words(
    """
    bow carrot_on_a_stick diamond_axe diamond_boots diamond_chestplate diamond_helmet diamond_hoe diamond_leggings
    diamond_pickaxe diamond_shovel diamond_sword fishing_rod flint_and_steel golden_axe golden_boots
    golden_chestplate golden_helmet golden_hoe golden_leggings golden_pickaxe golden_shovel golden_sword iron_axe
    iron_boots iron_chestplate iron_helmet iron_hoe iron_leggings iron_pickaxe iron_shovel iron_sword leather_boots
    leather_chestplate leather_helmet leather_leggings shears shield stone_axe stone_hoe stone_pickaxe stone_shovel
    stone_sword wooden_axe wooden_hoe wooden_pickaxe wooden_shovel wooden_sword
    """
)
"""Items that can be crafted and wear out."""

TOOLS = _words(
    """
    chainmail_boots chainmail_chestplate chainmail_helmet chainmail_leggings elytra
    """
)
"""Items that wear out and cannot be crafted."""
