"""Runs several programs as one: their output in one place, what dies is started again, all end together."""

from config.supervisor.console import Console as Console
from config.supervisor.parts import Part as Part
from config.supervisor.supervision import SupervisorError as SupervisorError
from config.supervisor.supervision import supervise as supervise
