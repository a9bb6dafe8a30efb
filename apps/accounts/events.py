"""Events this app publishes: what each means, the data it carries, who hears of it.

All are for the person they are about. None carries an address, a reason or anybody else's name.
"""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare


class UserData(TypedDict):
    username: Annotated[str, "Name that the person logs in with."]


class LoginsRevokedData(UserData):
    logins: Annotated[int, "How many logins were ended."]


ADA: Final[UserData] = {"username": "ada"}


def _user(verb: str, summary: str) -> EventType[UserData]:
    return declare(
        EventType(
            name=f"user.{verb}",
            object_type="user",
            summary=summary,
            audience=Audience.ACCOUNT,
            data=UserData,
            example=ADA,
            path="/api/v1/users/{object_id}",
        )
    )


USER_REGISTERED = _user("registered", "An account was made.")
USER_DEACTIVATED = _user("deactivated", "The account was closed; nothing of it works any longer.")
USER_REACTIVATED = _user("reactivated", "A closed account works again.")
EMAIL_CONFIRMED = _user("email_confirmed", "The person has shown that the e-mail is theirs.")
PASSWORD_CHANGED = _user("password_changed", "The password was changed or reset.")

LOGINS_REVOKED: Final = declare(
    EventType(
        name="user.logins_revoked",
        object_type="user",
        summary="Logins were ended before their time.",
        audience=Audience.ACCOUNT,
        data=LoginsRevokedData,
        example={"username": "ada", "logins": 2},
        path="/api/v1/users/{object_id}",
    )
)
