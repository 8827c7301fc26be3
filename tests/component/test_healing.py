"""An incident from its first sight to its end, on a cluster in memory."""

from component.builders import Ward, step


async def test_a_bad_image_is_rolled_back_and_the_incident_resolves() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert ward.image_of() == "web:v1"
