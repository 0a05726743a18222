"""Who may change what in the panel of /config, while it is open too."""

from dataclasses import replace

from config_bot import DEFAULTS, Scene, component, grant, scene, shown, told

__all__ = ["scene"]


async def test_roles_are_chosen_and_taken_back(scene: Scene) -> None:
    panel = await scene.panel(page="people")
    roles = [str(scene.dj.id), str(scene.crew.id)]
    await scene.choose(panel, "people:join_roles", roles)
    assert scene.settings.join_roles == (scene.crew.id, scene.dj.id)
    select = component(panel, "earshot:config:set:people:join_roles")
    assert {str(value["id"]) for value in select["default_values"]} == set(roles)
    assert f"People with <@&{scene.crew.id}> or <@&{scene.dj.id}>, or with the Manage Server" in panel.text
    assert panel.mention_role_ids == []
    await scene.choose(panel, "people:join_roles", [])
    restored = scene.settings
    assert restored.join_roles == ()
    assert "Everyone can use /join" in panel.text
    await scene.choose(panel, "people:join_roles", [str(scene.guild_id)])
    assert scene.settings == restored, "the role that everyone has is no restriction"


async def test_who_may_do_nothing_is_told_who_may(scene: Scene) -> None:
    refused = await scene.run("config", scene.ada.id)
    assert refused.ephemeral
    assert (
        refused.text == "Only people with the Manage Server permission can set me up here: ask one of them."
    )
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    others = (await scene.run("config", scene.ada.id)).text
    assert f"the Manage Server permission, or with <@&{scene.dj.id}>, can" in others


async def test_who_has_the_role_may_but_not_consent_nor_the_role(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panel = await scene.panel(scene.ada.id, "talk")
    await scene.choose(panel, "talk:mode", ["addressed"], scene.ada.id)
    assert scene.settings.mode == "addressed"
    for page, name in (("privacy", "consent"), ("people", "config_roles")):
        await shown(scene.world.click(scene.ada.id, panel.id, f"earshot:config:page:{page}:"))
        select = component(panel, f"earshot:config:set:{page}:{name}")
        assert select["disabled"]
        assert "Only people with the Manage Server permission can change this." in panel.text
        # A client that does not care, or a panel of before.
        select["disabled"] = False
        value = "notice" if name == "consent" else str(scene.crew.id)
        used = scene.world.select(scene.ada.id, panel.id, select["custom_id"], [value])
        assert "Only people with the Manage Server permission can change “" in await told(used)
    assert scene.settings.consent == "ask"
    assert scene.settings.config_roles == (scene.dj.id,)


async def test_a_right_that_is_gone_is_gone_in_an_open_panel(scene: Scene) -> None:
    grant(scene, scene.ada, scene.dj)
    await scene.guilds.change(scene.guild_id, config_roles=(scene.dj.id,))
    panel = await scene.panel(scene.ada.id)
    scene.world.guild.members[scene.ada.id].role_ids.clear()
    used = scene.world.select(scene.ada.id, panel.id, "earshot:config:set:character:persona", ["tutor"])
    assert "ask one of them" in await told(used)
    assert scene.settings == replace(DEFAULTS, config_roles=(scene.dj.id,))
