"""The life that uploads and report jobs share: an abstract model, claim, heartbeat, sweep. It has no screens."""
