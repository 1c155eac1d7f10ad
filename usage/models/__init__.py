"""Entities, login sessions, resources and their usage, calls, uploads."""

from usage.models.calls import Call, CallQuerySet
from usage.models.entities import Device, Entity, EntityKind, EntityQuerySet, User
from usage.models.resources import Allowance, Resource, ResourceUsage, ResourceUsageQuerySet
from usage.models.sessions import LoginSession, LoginSessionQuerySet
from usage.models.uploads import (
    Step,
    Upload,
    UploadChange,
    UploadKind,
    UploadQuerySet,
    UploadStatus,
    UploadStep,
)

__all__ = [
    "Allowance",
    "Call",
    "CallQuerySet",
    "Device",
    "Entity",
    "EntityKind",
    "EntityQuerySet",
    "LoginSession",
    "LoginSessionQuerySet",
    "Resource",
    "ResourceUsage",
    "ResourceUsageQuerySet",
    "Step",
    "Upload",
    "UploadChange",
    "UploadKind",
    "UploadQuerySet",
    "UploadStatus",
    "UploadStep",
    "User",
]
