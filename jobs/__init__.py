"""The life cycle that uploads and report jobs share: an abstract model, claim, heartbeat, sweep. No screens."""
