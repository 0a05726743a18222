"""What is wrong with an inspection though it fits the schema: pages, places, a contradictory verdict."""

from collections.abc import Sequence
from typing import Any

from bot.media.drawing_boxes import fault_of
from bot.media.fit import Fitted
from bot.media.task import Json
from bot.media.value import number, rows, text

# What the score means; `status` must not say otherwise.
PASSING, FAILING = 70, 90


def faults_of(value: Json, files: Sequence[Fitted]) -> list[str]:
    """Return what is wrong with an inspection of these files, each fit to be told to the model."""
    pages = max((file.pages or 0 for file in files), default=0)
    found = []
    for name in ("defects", "deviations"):
        for index, each in enumerate(rows(value, name)):
            page = number(each, "page")
            if page is not None and not 1 <= page <= pages:
                found.append(f"{name}[{index}].page is none of 1 to {pages}")
    for index, defect in enumerate(rows(value, "defects")):
        found += [f"defects[{index}].{fault}" for fault in _place_faults(defect, files)]
    return found + _verdict_faults(value)


def _place_faults(defect: dict[str, Any], files: Sequence[Fitted]) -> list[str]:
    """Return which of a defect's places can't be."""
    count = sum(file.is_picture for file in files)
    duration_s = max((file.duration_s or 0.0 for file in files if file.is_video), default=None)
    found = []
    picture, at_s = number(defect, "picture"), number(defect, "video_time")
    if picture is not None and not 1 <= picture <= count:
        found.append(f"picture is none of 1 to {count}")
    box = defect.get("box_2d")
    if box is not None and (fault := fault_of(box)):
        found.append(f"box_2d {fault}")
    if box is not None and picture is None:
        found.append("box_2d is in no picture: give the picture's number, or null for both")
    if at_s is not None and duration_s is None:
        found.append("video_time is set, and there is no video")
    elif at_s is not None and duration_s is not None and not 0 <= at_s <= duration_s:
        found.append(f"video_time is none of 0 to {duration_s:.1f} seconds")
    return found


def _verdict_faults(value: Json) -> list[str]:
    status, score = text(value, "status"), number(value, "score")
    found = []
    if score is not None and status == "pass" and score < PASSING:
        found.append(f"status is pass, and score is {score:g}: a pass has {PASSING} at least")
    if score is not None and status == "fail" and score >= FAILING:
        found.append(f"status is fail, and score is {score:g}: a fail has less than {FAILING}")
    critical = any(text(each, "severity") == "critical" for each in rows(value, "defects"))
    if status == "pass" and critical:
        found.append("status is pass, and there is a critical defect: then it is fail")
    return found
