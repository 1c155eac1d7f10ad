"""Runs several programs as one: collects their output, restarts those that die, and ends all together."""

from config.supervisor.console import Console as Console
from config.supervisor.parts import Part as Part
from config.supervisor.supervision import SupervisorError as SupervisorError
from config.supervisor.supervision import supervise as supervise
